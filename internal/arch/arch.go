// Package arch holds no code: its test holds the import arrows and the habits of
// the house that a compiler does not check. docs/architecture.md draws them.
package arch
