package main

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// The kinds of operations on a slot of a room.
const (
	book   = "book"
	cancel = "cancel"
	look   = "look"
)

// What became of an operation. A look has been answered.
type outcome int

const (
	unknown outcome = iota // it was cut off
	yes
	no
)

// A roomOp is something that was asked of one slot, and what was answered.
type roomOp struct {
	slot             int
	kind             string
	name             string // of the meeting; what a look found, "" for nothing
	outcome          outcome
	called, returned int64
}

// word is what the operation is counted as.
func (o roomOp) word() string {
	switch {
	case o.outcome == unknown:
		return "cut off"
	case o.kind == cancel:
		return "cancelled"
	case o.outcome == yes:
		return "won"
	}
	return "lost"
}

// after are the meetings that may have a slot after an operation, of which had has it
// before; none: the answer was wrong.
func (o roomOp) after(had string) []any {
	switch {
	case o.kind == look && had == o.name:
		return []any{had}
	case o.kind == book && o.outcome == yes && had == "":
		return []any{o.name}
	case o.kind == book && o.outcome == no && had != "" && had != o.name:
		return []any{had}
	case o.kind == book && o.outcome == unknown && had == "":
		return []any{"", o.name}
	case o.kind == cancel && o.outcome == yes && had == o.name:
		return []any{""}
	case o.kind == cancel && o.outcome == unknown && had == o.name:
		return []any{had, ""}
	case o.kind != look && o.outcome == unknown:
		return []any{had}
	}
	return nil
}

// searchLimit bounds the search for an order.
const searchLimit = 10 * time.Minute

// slotModel is a slot that one meeting has at a time.
var slotModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{""} },
	Step: func(had, op, _ any) []any { return op.(roomOp).after(had.(string)) },
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		slots := map[int][]porcupine.Operation{}
		for _, op := range history {
			slot := op.Input.(roomOp).slot
			slots[slot] = append(slots[slot], op)
		}
		var all [][]porcupine.Operation
		for _, one := range slots {
			all = append(all, one)
		}
		return all
	},
}

// linearizable says whether there is an order of all operations, each at some moment
// between its call and its return, in which every answer was right.
func linearizable(history []roomOp) error {
	var all []porcupine.Operation
	for _, op := range history {
		all = append(all, porcupine.Operation{Input: op, Call: op.called, Return: op.returned})
	}
	if got := porcupine.CheckOperationsTimeout(slotModel.ToModel(), all, searchLimit); got != porcupine.Ok {
		return fmt.Errorf("the answers to %d operations have no order in which all are right: %s", len(all), got)
	}
	return nil
}
