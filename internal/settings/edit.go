package settings

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Edit sets one setting in a TOML text, by its dotted key, and leaves everything else
// as it stands, comments too. A setting that is not there is put at the end of its
// table, and a table that is not there at the end of the text. Error: the text is not
// TOML, or has the table in a way that Edit does not understand (inline, or dotted keys).
func Edit(text, key string, value any) (string, error) {
	i := strings.LastIndexByte(key, '.')
	if i <= 0 {
		return "", fmt.Errorf("%s: no table", key)
	}
	table, name := key[:i], key[i+1:]
	set := name + " = " + format(reflect.ValueOf(value))
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		lines = nil
	}
	start, end := tableOf(lines, table)
	switch at, n := settingIn(lines[start:end], name); {
	case start == 0:
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, "["+table+"]", set)
	case n > 0:
		lines = slices.Replace(lines, start+at, start+at+n, set)
	default:
		for end > start && strings.TrimSpace(lines[end-1]) == "" {
			end--
		}
		lines = slices.Insert(lines, end, set)
	}
	out := strings.Join(lines, "\n") + "\n"
	return out, edited(text, out, table, name)
}

var header = regexp.MustCompile(`^\s*\[+\s*([^\]]+?)\s*\]+\s*(#.*)?$`)

// tableOf returns the lines of a table behind its heading; start is 0 if there is none.
func tableOf(lines []string, table string) (start, end int) {
	for i, l := range lines {
		m := header.FindStringSubmatch(l)
		switch {
		case m == nil:
		case start > 0:
			return start, i
		case m[1] == table:
			start = i + 1
		}
	}
	if start == 0 {
		return 0, 0
	}
	return start, len(lines)
}

// settingIn returns the lines of a setting, n of them: a list may go over several.
func settingIn(lines []string, name string) (at, n int) {
	key := regexp.MustCompile(`^\s*` + regexp.QuoteMeta(name) + `\s*=`)
	at = slices.IndexFunc(lines, key.MatchString)
	if at < 0 {
		return 0, 0
	}
	for n = 1; at+n <= len(lines); n++ {
		var one map[string]any
		if toml.Unmarshal([]byte(strings.Join(lines[at:at+n], "\n")), &one) == nil {
			return at, n
		}
	}
	return at, 1
}

// edited makes sure that nothing but one setting has changed.
func edited(before, after, table, name string) error {
	var a, b map[string]any
	if err := toml.Unmarshal([]byte(before), &a); err != nil {
		return err
	}
	err := toml.Unmarshal([]byte(after), &b)
	if err == nil {
		drop(a, table, name)
		drop(b, table, name)
		if !reflect.DeepEqual(a, b) {
			err = fmt.Errorf("another setting would change")
		}
	}
	if err != nil {
		return fmt.Errorf("set %s.%s in the file by hand, it cannot be done here: %w", table, name, err)
	}
	return nil
}

// drop removes a setting, and tables that are empty without it.
func drop(tree map[string]any, table, name string) {
	first, rest, deep := strings.Cut(table, ".")
	below, ok := tree[first].(map[string]any)
	if !ok {
		return
	}
	if deep {
		drop(below, rest, name)
	} else {
		delete(below, name)
	}
	if len(below) == 0 {
		delete(tree, first)
	}
}

// Format writes a value as it stands in a file.
func Format(value any) string { return format(reflect.ValueOf(value)) }
