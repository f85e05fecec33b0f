// Package atomicfile replaces small files of ours in one durable step: after a
// crash at any moment there is the old file or the new one, never part of one.
//
// The package imports nothing of convene.
package atomicfile
