package directory_test

import (
	"errors"
	"path/filepath"
	"testing"

	"convene/directory"
	"convene/testenv"
)

// A client reads its file anew on Reload, and when it is closed it has saved what it
// knew: the next one knows it, whatever has become of the file.
func TestClient(t *testing.T) {
	dir := t.TempDir()
	c := directory.DefaultConfig()
	c.Kind = directory.KindFile
	c.File.File = testenv.WriteFile(t, filepath.Join(dir, "htpasswd"), "alice:"+testHash("one")+"\n")
	o := directory.ClientOptions{CacheFile: filepath.Join(dir, "cache")}
	open := func() *directory.Client {
		t.Helper()
		d, err := directory.Open(c, o)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	find(t, d, key("alice"))
	testenv.WriteFile(t, c.File.File, "bob:"+testHash("two")+"\n")
	if err := d.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := d.Authenticate(t.Context(), "bob", "two"); err != nil {
		t.Error(err)
	}
	if _, err := d.Lookup(t.Context(), key("alice")); !errIs(err, directory.ErrNotFound) {
		t.Errorf("after a reload somebody who has left is still there: %v", err)
	}
	other := c
	other.Cache.Records++
	if !d.Serves(c) || d.Serves(other) {
		t.Error("the client does not know its configuration")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	d = open()
	find(t, d, key("bob"))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for kind, want := range map[string]string{"": "kind", "nis": "kind", directory.KindLDAP: "locations.base", directory.KindFile: "file"} {
		c := directory.DefaultConfig()
		c.Kind = kind
		_, err := directory.Open(c, directory.ClientOptions{})
		if s, ok := errors.AsType[*directory.SettingError](err); !ok || s.Setting != want {
			t.Errorf("kind %q: %v, want a fault of %s", kind, err, want)
		}
	}
}
