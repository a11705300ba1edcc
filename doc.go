// Package usance holds the nouns of Usance and their arithmetic: events,
// meters, amounts, windows, quotas, resources, tenants, credentials, errors and
// the limits of every input. It reads no clock and does no input or output;
// everything in it is a pure function of its arguments.
//
// The words are those of docs/architecture.md. One idea carries the whole
// system: everything that happens to a tenant is an entry in its ledger, and
// every number answered is a fold over that ledger. The folds live here as
// mergeable states (see State), so that order, lateness and parallelism cannot
// change an answer.
package usance
