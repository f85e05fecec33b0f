package apple

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"convene/config"
	"convene/internal/settings"
)

// Source is what is to be imported.
type Source struct {
	File string // name of the plist, for messages
	Text []byte

	// Open finds a file that the plist names, by its path on the old server, and returns
	// where it is here. Error: fs.ErrNotExist, and others of reading.
	Open func(named string) (path string, text []byte, err error)

	Output string // the configuration that will be written; secrets are put beside it
	Before string // what stands there already; it is changed, and the rest stays
}

// An Item is what became of a key.
type Item struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Key     string `json:"key"`               // dotted; of a dict that is left out as a whole, its own
	Setting string `json:"setting,omitempty"` // that it became; empty if it was left out
	Value   string `json:"value,omitempty"`   // of the setting, as in the file
	Note    string `json:"note,omitempty"`    // why it was left out, or what is different here
}

// A Result is a configuration with what led to it.
type Result struct {
	TOML    string            `json:"-"`
	Secrets map[string]string `json:"-"` // content of files with passwords, by path
	Items   []Item            `json:"items"`
	Next    []string          `json:"next"` // what is left to do
}

type setting struct {
	key   string
	value any
	from  []string // keys of the plist
}

type conversion struct {
	src     *Source
	root    *Value
	sets    []setting
	items   map[string]Item
	secrets map[string]string
	next    []string
}

// Import makes a configuration of a plist. It is one that config.Parse takes; if it would
// not be, as something is missing that no plist can say, the result has the report alone.
// Errors: a SyntaxError, of the plist or of one that it includes; settings.Errors, of the
// configuration; those of Open.
func Import(src Source) (*Result, error) {
	root, err := Parse(src.File, src.Text)
	if err != nil {
		return nil, err
	}
	c := &conversion{src: &src, root: root, items: map[string]Item{}, secrets: map[string]string{}}
	if err := c.include(); err != nil {
		return nil, err
	}
	for _, part := range []func() error{c.listening, c.certificate, c.authentication, c.directory, c.mail, c.rooms, c.inbox, c.principals, c.beside} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	c.walk(c.root, "")
	text, err := c.write()
	out := &Result{TOML: text, Secrets: c.secrets, Items: []Item{}, Next: append([]string{}, c.next...)}
	c.report(c.root, "", &out.Items)
	return out, err
}

// include adds the plists that the first one names: one that it is based on, and those
// that count before it.
func (c *conversion) include() error {
	for _, key := range []string{"ImportConfig", "Includes"} {
		list := c.root.Get(key)
		for _, name := range list.texts() {
			found, text, err := c.open(name)
			if errors.Is(err, fs.ErrNotExist) {
				c.left(key, name+" is not beside the plist: what it says is not taken")
				c.remains("%s was not found, which %s names: if there is one, put it beside the plist and import again", name, key)
				continue
			}
			if err != nil {
				return err
			}
			other, err := Parse(found, text)
			if err != nil {
				return err
			}
			if key == "ImportConfig" {
				other.merge(c.root)
				c.root = other
			} else {
				c.root.merge(other)
			}
		}
		if _, said := c.items[key]; list != nil && !said {
			c.left(key, "what it names was read too")
		}
	}
	return nil
}

// open finds a file by its name relative to one of Apple's folders.
func (c *conversion) open(name string) (string, []byte, error) {
	if path.IsAbs(name) {
		return c.src.Open(name)
	}
	root := c.root.Get("ServerRoot").text()
	for _, key := range []string{"ConfigRoot", "DataRoot"} {
		dir := c.root.Get(key).text()
		if !path.IsAbs(dir) {
			dir = path.Join(root, dir)
		}
		found, text, err := c.src.Open(path.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return found, text, err
		}
	}
	return "", nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (c *conversion) get(key string) *Value { return c.root.Get(strings.Split(key, ".")...) }

// take makes a setting of the keys.
func (c *conversion) take(name string, value any, note string, keys ...string) {
	c.sets = append(c.sets, setting{name, value, keys})
	for _, key := range keys {
		if c.get(key) != nil {
			c.items[key] = Item{Key: key, Setting: name, Value: settings.Format(value), Note: note}
		}
	}
}

// left says why a key is not taken.
func (c *conversion) left(key, why string) { c.items[key] = Item{Key: key, Note: why} }

// remains tells the administrator what no plist can say, and so is theirs to do: see
// Result.Next.
func (c *conversion) remains(format string, args ...any) {
	c.next = append(c.next, fmt.Sprintf(format, args...))
}

// secret puts a password into a file of its own.
func (c *conversion) secret(name, setting string, v *Value, key string) {
	if v.text() == "" {
		return
	}
	file := filepath.Join(filepath.Dir(c.src.Output), name)
	c.secrets[file] = v.Text + "\n"
	c.take(setting, file, "the password is in that file", key)
}

// walk decides about the keys that nothing has been decided about.
func (c *conversion) walk(v *Value, at string) {
	for _, e := range v.Dict {
		key := strings.TrimPrefix(at+"."+e.Key, ".")
		_, done := c.items[key]
		row, simple := keys[key]
		switch why := reason(key); {
		case done:
		case simple:
			c.simple(key, row, e.Value)
		case e.Value.Kind == "dict" && c.decided(key):
			c.walk(e.Value, key)
		case why != "":
			c.left(key, why)
		case e.Value.Kind == "dict" && len(e.Value.Dict) > 0:
			c.walk(e.Value, key)
		case e.Value.empty():
			c.left(key, "nothing is set or switched on by it")
		default:
			c.left(key, "convene has nothing like it")
		}
	}
}

// decided reports whether something is known of a key below this one.
func (c *conversion) decided(key string) bool {
	for k := range c.items {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return named(key)
}

func (c *conversion) simple(key string, r row, v *Value) {
	value, err := r.convert(v)
	switch {
	case err != nil:
		c.left(key, err.Error())
	case v.Kind != "integer" && v.Kind != "real" && v.Kind != "bool" && v.empty():
		c.left(key, "nothing is set by it")
	default:
		c.take(r.setting, value, r.note, key)
	}
}

// report lists what became of each key, in the order of the plist.
func (c *conversion) report(v *Value, at string, out *[]Item) {
	for _, e := range v.Dict {
		key := strings.TrimPrefix(at+"."+e.Key, ".")
		if it, ok := c.items[key]; ok {
			it.File, it.Line = e.Value.File, e.Value.Line
			*out = append(*out, it)
			continue
		}
		c.report(e.Value, key, out)
	}
}

const heading = `# Made by convene import-config. All settings are explained in convene.example.toml.
`

// write puts the settings into the configuration. Those that it does not take are left
// out, and reported with the reason.
func (c *conversion) write() (string, error) {
	for {
		text := c.src.Before
		if text == "" {
			text = heading
		}
		var err error
		for _, s := range c.sets {
			if text, err = settings.Edit(text, s.key, s.value); err != nil {
				return "", err
			}
		}
		_, err = config.Parse(c.src.Output, []byte(text), nil)
		if err == nil {
			return text, nil
		}
		faults, ok := errors.AsType[settings.Errors](err)
		if !ok || !c.drop(faults) {
			return "", err
		}
	}
}

// drop takes back the settings at fault, and reports whether there were any.
func (c *conversion) drop(faults settings.Errors) bool {
	before := len(c.sets)
	for _, f := range faults {
		c.sets = slices.DeleteFunc(c.sets, func(s setting) bool {
			if s.key != f.Key || strings.HasPrefix(s.key, "sacl.") { // that would let everybody in
				return false
			}
			for _, key := range s.from {
				if c.get(key) != nil {
					c.left(key, "not taken as "+s.key+": "+f.Problem)
				}
			}
			return true
		})
	}
	return len(c.sets) < before
}
