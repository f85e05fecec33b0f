package held

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"convene/internal/engine"
)

// table has what is held: kind 0 key of the first row → JSON of Secret.
const table engine.Table = "held"

// Tables returns the tables that an engine needs, beside those whose rows are held.
func Tables() []engine.Table { return []engine.Table{table} }

// A Row is one row of a secret.
type Row struct {
	Table engine.Table `json:"table"`
	Key   []byte       `json:"key"`
	Value []byte       `json:"value"`
}

// A Secret is what opens something for whoever has it, with all of its rows. The key of
// the first one is a hash of the secret, and so another one for each.
type Secret struct {
	Kind    string    `json:"kind"`
	GUID    string    `json:"guid"` // of its owner
	Label   string    `json:"label"`
	Created time.Time `json:"created"`
	Rows    []Row     `json:"rows"`
}

func (s *Secret) key() string { return s.Kind + "\x00" + string(s.Rows[0].Key) }

// Hold takes those of all out of service that known does not have. It returns how many.
func Hold(ctx context.Context, e engine.Engine, all, known []Secret) (n int, err error) {
	vouched := make(map[string]bool, len(known))
	for i := range known {
		vouched[known[i].key()] = true
	}
	err = e.Update(ctx, func(w engine.Writer) error {
		n = 0
		for i := range all {
			if vouched[all[i].key()] {
				continue
			}
			n++
			if err := hold(w, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func hold(w engine.Writer, s *Secret) error {
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	for _, row := range s.Rows {
		if err := w.Delete(row.Table, row.Key); err != nil {
			return err
		}
	}
	return w.Put(table, []byte(s.key()), value)
}

// List returns what is held, by kind, owner, time and label.
func List(ctx context.Context, e engine.Engine) (list []Secret, err error) {
	err = e.View(ctx, func(r engine.Reader) error {
		list, err = held(r, "")
		return err
	})
	return list, err
}

// held reads what is held of a kind; "": all. Its order tells a reader something; that of
// the table is by a hash.
func held(r engine.Reader, kind string) (list []Secret, err error) {
	within := engine.Range{}
	if kind != "" {
		within = engine.Range{From: []byte(kind + "\x00"), To: []byte(kind + "\x01")}
	}
	for k, v := range r.Scan(table, within) {
		var s Secret
		if err := json.Unmarshal(v, &s); err != nil {
			return nil, fmt.Errorf("held: %q: %w", k, err)
		}
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b Secret) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.GUID, b.GUID),
			a.Created.Compare(b.Created), cmp.Compare(a.Label, b.Label))
	})
	return list, nil
}

// Release puts what is held of a kind, or with "" everything, into service again, and
// returns it.
func Release(ctx context.Context, e engine.Engine, kind string) (list []Secret, err error) {
	return end(ctx, e, kind, func(w engine.Writer, s *Secret) error {
		for _, row := range s.Rows {
			if err := w.Put(row.Table, row.Key, row.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// Drop forgets what is held of a kind, or with "" everything, and returns it.
func Drop(ctx context.Context, e engine.Engine, kind string) (list []Secret, err error) {
	return end(ctx, e, kind, func(engine.Writer, *Secret) error { return nil })
}

func end(ctx context.Context, e engine.Engine, kind string, with func(engine.Writer, *Secret) error) (list []Secret, err error) {
	err = e.Update(ctx, func(w engine.Writer) error {
		if list, err = held(w, kind); err != nil {
			return err
		}
		for i := range list {
			if err := with(w, &list[i]); err != nil {
				return err
			}
			if err := w.Delete(table, []byte(list[i].key())); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}
