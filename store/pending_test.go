package store

import (
	"errors"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestPending: whatever is added, changed and dropped in savepoints within
// savepoints, what an undone one did is undone, and nothing else.
func TestPending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pending[int, string]
		model, points, next := map[int]string{}, 0, 0
		id := rapid.IntRange(0, 3*mapFrom)
		var steps func(depth int)
		steps = func(depth int) {
			for range rapid.IntRange(0, 12).Draw(t, "steps") {
				switch n := id.Draw(t, "id"); rapid.IntRange(0, 4).Draw(t, "step") {
				case 0, 1:
					p.add(next, "", "new")
					model[next] = "new"
					next++
				case 2:
					if r := p.change(n); r != nil {
						r.now = rapid.StringN(1, 3, -1).Draw(t, "value")
						model[n] = r.now
					}
				case 3:
					p.drop(n)
					delete(model, n)
				case 4:
					if depth == 3 {
						continue
					}
					was := maps.Clone(model)
					points++
					end := p.begin(points)
					steps(depth + 1)
					undone := rapid.Bool().Draw(t, "undone")
					if end(undone); undone {
						model = was
					}
				}
				if err := pendingIs(&p, model, next); err != nil {
					t.Fatal(err)
				}
			}
		}
		steps(0)
	})
}

// pendingIs compares records with what they are to be.
func pendingIs(p *pending[int, string], model map[int]string, next int) error {
	live := 0
	for _, r := range p.list {
		if !r.gone {
			live++
		}
	}
	if live != len(model) {
		return errors.New("there are other records than there should be")
	}
	for id := range next {
		want, is := model[id]
		r := p.find(id)
		if is != (r != nil) || is && r.now != want {
			return errors.New("a record is not what it should be")
		}
		if is != (p.recent(func(*string) bool { return true }) != nil) && len(model) == 0 {
			return errors.New("a dropped record was found")
		}
	}
	return nil
}
