package ical

// A Rule is a recurrence rule (RFC 5545 §3.3.10, RFC 7529).
type Rule struct{ text string }

// ParseRule reads the value of an RRULE or EXRULE property.
func ParseRule(s string) (*Rule, error) { return &Rule{s}, nil }
