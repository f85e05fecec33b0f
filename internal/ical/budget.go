package ical

import "errors"

// ErrBudget is the error of a calculation that would take more steps than its
// request may.
var ErrBudget = errors.New("recurrence budget spent")

// DefaultBudget is the number of steps that a nil Budget allows.
const DefaultBudget = 1_000_000

// A Budget is the work that one request may cause: a step is about one candidate
// of a recurrence rule or one instance, some tens of nanoseconds. It is passed
// along through all calculations of a request, and is not safe for concurrent
// use. Where a Budget may be nil, nil is a new one of DefaultBudget steps.
type Budget struct {
	// Text is asked before n more bytes of instances are written; its error ends the
	// calculation. nil: there may be any number.
	Text func(n int) error

	left int
}

// NewBudget returns a budget of that many steps.
func NewBudget(steps int) *Budget { return &Budget{left: steps} }

// Left returns the steps that are left; 0 if none.
func (b *Budget) Left() int { return max(b.left, 0) }

// Spend takes n steps. It reports ErrBudget if there were fewer.
func (b *Budget) Spend(n int) error {
	if b.left -= n; b.left < 0 {
		return ErrBudget
	}
	return nil
}

// SpendText takes what writing n bytes of an instance costs. Errors: ErrBudget, and
// that of Text.
func (b *Budget) SpendText(n int) error {
	if err := b.Spend(n / bytesPerStep); err != nil || b.Text == nil {
		return err
	}
	return b.Text(n)
}

// orDefault returns b, or a new budget for nil.
func (b *Budget) orDefault() *Budget {
	if b == nil {
		return NewBudget(DefaultBudget)
	}
	return b
}
