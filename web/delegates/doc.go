// Package delegates is the pages about who acts for whom: one's delegates, the board of
// those for whom one acts oneself, and what stands in for an absence.
package delegates
