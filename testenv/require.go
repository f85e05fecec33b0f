package testenv

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// sbin holds the folders searched after PATH: Debian keeps daemons there and a
// test's PATH often lacks them.
var sbin = []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/openldap"}

// Require finds the programs of one service ("ldap", "kdc", "ad", …) and
// returns their full paths in the order asked for. If one is missing the test
// is skipped, or failed where required says that the service must be there.
func Require(t testing.TB, service string, programs ...string) []string {
	t.Helper()
	paths := make([]string, 0, len(programs))
	for _, name := range programs {
		p := Find(name)
		if p == "" {
			Missing(t, service, name+" is not installed")
		}
		paths = append(paths, p)
	}
	return paths
}

// Missing ends the test because service cannot be had: Fatal when it is
// required, else Skip. It does not return.
func Missing(t testing.TB, service, reason string) {
	t.Helper()
	if required(service) {
		t.Fatalf("%s is required (CI or CONVENE_REQUIRE): %s", service, reason)
	}
	t.Skipf("no %s: %s", service, reason)
}

// Find returns the full path of a program in PATH or one of the folders for
// daemons, or "" if there is none.
func Find(program string) string {
	if p, err := exec.LookPath(program); err == nil {
		return p
	}
	for _, dir := range sbin {
		if p, err := exec.LookPath(dir + "/" + program); err == nil {
			return p
		}
	}
	return ""
}

// required reports whether the lack of service is a failure.
func required(service string) bool {
	if os.Getenv("CI") == "true" {
		return true
	}
	list := strings.FieldsFunc(os.Getenv("CONVENE_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(list, service) || slices.Contains(list, "all")
}
