package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"convene/internal/engine"
	"convene/rooms/policy"
)

// tableRooms has what was set of each room by command: its GUID → a sealed record of
// the format byte and the JSON of a map of Values.
const tableRooms engine.Table = "rooms"

// Tables returns the tables with which the engine of Settings is opened.
func Tables() []engine.Table { return []engine.Table{tableRooms} }

// ErrSettings says that what was set of a room cannot be read. It is never taken for
// nothing: who must not book the room may be said there.
var ErrSettings = errors.New("settings of a room are damaged")

// A Value is one setting that was made by command.
type Value struct {
	Value   string `json:"value"`
	Changed string `json:"changed"` // RFC 3339
	By      string `json:"by"`
}

// Settings are what was set by command, of each room by its GUID. There is one value of
// it for each Engine.
type Settings struct {
	Engine engine.Engine
	Now    func() time.Time

	changes atomic.Uint64
}

// Get returns what was set of a room; nothing if nothing was. Errors: ErrSettings,
// those of the engine.
func (s *Settings) Get(ctx context.Context, guid string) (values map[string]Value, err error) {
	err = s.Engine.View(ctx, func(r engine.Reader) error {
		values, err = read(r, guid)
		return err
	})
	return values, err
}

// All returns what was set of all rooms, by GUID. Errors: as Get.
func (s *Settings) All(ctx context.Context) (all map[string]map[string]Value, err error) {
	err = s.Engine.View(ctx, func(r engine.Reader) error {
		all = map[string]map[string]Value{}
		for k, v := range r.Scan(tableRooms, engine.Range{}) {
			values, err := decodeValues(k, v)
			if err != nil {
				return err
			}
			all[string(k)] = values
		}
		return nil
	})
	return all, err
}

// Set gives settings of a room values, and takes back those of unset. It returns what
// was set before and what is now. Errors: policy.ErrValue, and then nothing is
// changed; as Get.
func (s *Settings) Set(ctx context.Context, guid string, set map[string]string, unset []string, by string) (before, after map[string]Value, err error) {
	for name, value := range set {
		k, err := policy.Find(name)
		if err == nil {
			err = k.Set(new(policy.Policy), value)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	for _, name := range unset {
		if _, err := policy.Find(name); err != nil {
			return nil, nil, err
		}
	}
	stamp := s.Now().UTC().Format(time.RFC3339)
	err = s.Engine.Update(ctx, func(w engine.Writer) error {
		if before, err = read(w, guid); err != nil {
			return err
		}
		after = maps.Clone(before)
		for name, value := range set {
			after[name] = Value{value, stamp, by}
		}
		for _, name := range unset {
			delete(after, name)
		}
		return write(w, guid, after)
	})
	s.changes.Add(1) // it may have been written even if there is an error
	return before, after, err
}

// revision is another one after each change.
func (s *Settings) revision() uint64 {
	if s == nil {
		return 0
	}
	return s.changes.Load()
}

func read(r engine.Reader, guid string) (map[string]Value, error) {
	v := r.Get(tableRooms, []byte(guid))
	if v == nil {
		return map[string]Value{}, nil
	}
	return decodeValues([]byte(guid), v)
}

func write(w engine.Writer, guid string, values map[string]Value) error {
	key := []byte(guid)
	if len(values) == 0 {
		return w.Delete(tableRooms, key)
	}
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return w.Put(tableRooms, key, seal(key, append([]byte{format}, text...)))
}

func decodeValues(key, v []byte) (map[string]Value, error) {
	values := map[string]Value{}
	body, ok := unseal(key, v)
	if !ok || len(body) == 0 || body[0] != format {
		return nil, fmt.Errorf("%w: %s", ErrSettings, key)
	}
	if err := json.Unmarshal(body[1:], &values); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSettings, key, err)
	}
	return values, nil
}
