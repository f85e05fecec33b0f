package delegation

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"convene/internal/engine"
)

// Inspect reads a whole copy of a delegate database, whosever it is, and proves it.
// Errors: ErrCopy, with what is wrong; those of the system.
func Inspect(ctx context.Context, path string) (State, error) {
	c, err := inspect(ctx, path, Mark{})
	if f := (*finding)(nil); errors.As(err, &f) {
		return State{Condition: f.condition, Detail: f.detail}, fmt.Errorf("%w: %w", ErrCopy, f)
	}
	if err != nil {
		return State{}, err
	}
	return State{Condition: Good, Records: c.set.Len(), Mark: c.state.mark()}, nil
}

// MarkRestored tells a copy at path, which nobody has open, that it is to take the
// place of the database of a folder: it then continues whatever that was, as after
// Book.Restore. Errors: ErrCopy; those of the system.
func MarkRestored(ctx context.Context, path, folder string, now time.Time) error {
	want, _, err := readMark(filepath.Join(folder, stateName))
	if err != nil {
		return err
	}
	if _, err := Inspect(ctx, path); err != nil {
		return err
	}
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: tables(), Hot: tableMeta})
	if err != nil {
		return err
	}
	err = e.Update(ctx, func(w engine.Writer) error {
		st, err := decodeState(w.Get(tableMeta, keyState))
		if err != nil {
			return err
		}
		next, p := *st, &plan{}
		next.Generation = max(st.Generation, want.Generation) + 1
		p.add(&next, entry{Time: now.UTC(), Actor: "server", Via: "restore", Verb: verbRestored, Replaced: want,
			Note: fmt.Sprintf("continues %v, generation %d, head %v, from a backup", st.File, st.Generation, st.Head)})
		return p.write(w, &next)
	})
	return errors.Join(err, e.Close())
}
