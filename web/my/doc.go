// Package my is the pages that everybody has: the start, and the account.
package my
