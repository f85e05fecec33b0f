package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// maxText is how much of one text a line has, in bytes, and plenty from how many bytes on
// a state is looked through for such. Much of what a line says is the word of who asks, who
// may be refused: with long texts they could fill the disk, and none of that is needed to
// tell what was done.
const (
	maxText = 1000
	plenty  = 4 << 10
)

// cut shortens a text that is too long, and says by how much.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + fmt.Sprintf("… (%d bytes)", len(s))
}

// bounded shortens the texts in a state that are too long. How many there are is bounded by
// maxLine.
func bounded(state json.RawMessage) (json.RawMessage, error) {
	if len(state) <= plenty {
		return state, nil
	}
	d := json.NewDecoder(bytes.NewReader(state))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(shorten(v))
}

// shorten shortens the texts in a value of JSON, in place as far as it can.
func shorten(v any) any {
	switch v := v.(type) {
	case string:
		return cut(v)
	case []any:
		for i := range v {
			v[i] = shorten(v[i])
		}
	case map[string]any:
		for key, one := range v {
			v[key] = shorten(one)
		}
	}
	return v
}
