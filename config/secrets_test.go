package config_test

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"convene/config"
)

// notSecret are settings whose names speak of passwords and that hold none.
var notSecret = []string{"bind-password-file", "password-file", "digest-password", "device-passwords"}

// No setting that may be a secret is written; the others are, and can be read.
func TestWriteWithoutSecrets(t *testing.T) {
	c := config.Example()
	c.Directory.LDAP.BindPassword = "hush"
	fillSecrets(t, reflect.ValueOf(&c).Elem())
	var out bytes.Buffer
	if err := c.WriteWithoutSecrets(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hush") {
		t.Error("a secret was written")
	}
	c.Directory.LDAP.BindPassword = ""
	got, err := config.Parse("c.toml", out.Bytes(), nil)
	if err != nil || got.Server.HostName != c.Server.HostName || !slices.Equal(got.Directory.LDAP.URLs, c.Directory.LDAP.URLs) {
		t.Errorf("%v", err)
	}
}

// fillSecrets gives every text whose name is that of a secret a value.
func fillSecrets(t *testing.T, v reflect.Value) {
	secret := regexp.MustCompile(`password|secret|passphrase`)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		switch {
		case name == "":
		case f.Type.Kind() == reflect.Struct:
			fillSecrets(t, v.Field(i))
		case f.Type.Kind() == reflect.String && secret.MatchString(name) && !slices.Contains(notSecret, name):
			v.Field(i).SetString("hush")
		}
	}
}
