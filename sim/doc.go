// Package sim is the simulator: the whole server in one process, on the engine's
// own file system in memory, under a clock that the simulator moves and a disk
// that it breaks. Virtual clients send usage, charges, holds, corrections,
// definitions, resources and vendors' queries; the process dies in the middle of
// it, again and again; after each restart every answer is compared with a small
// model that was written without looking at the ledger's arithmetic. It consists
// of tests; docs/testing.md says how to run it and what it covers.
package sim
