package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"convene/testenv"
)

// The commands of docs/migration-from-apple.md, in a shell.
func TestImportConfig(t *testing.T) {
	dir := testenv.Dir(t)
	if err := os.CopyFS(filepath.Join(dir, "caldavd"), os.DirFS("../../config/apple/testdata/files")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	testenv.WriteFile(t, filepath.Join(dir, "caldavd/augments.xml"),
		"<augments><record><uid>22222222-0000-0000-0000-000000000001</uid><auto-schedule-mode>decline-if-busy</auto-schedule-mode></record></augments>\n")
	// How much tests try is no setting, and would be named as a mistake.
	script := "unset CONVENE_TEST_ATTACKS\nset -e\n" + strings.ReplaceAll(strings.Join(commands(t, "migration-from-apple.md"), "\n"), "/etc/convene", dir)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	certificate, key := testenv.NewCA(t).Issue("calendar.example.com") // in place of the old server's, which are not here
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CONVENE_SERVER_DATA="+filepath.Join(dir, "data"), "CONVENE_SERVER_ALLOW_ROOT=true",
		"CONVENE_TLS_CERTIFICATE="+certificate, "CONVENE_TLS_KEY="+key)
	b, err := cmd.CombinedOutput()
	out := string(b)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	for _, want := range []string{
		"caldavd.plist:5\tServerHostName\tserver.host-name = \"calendar.example.com\"\t\n",
		"caldavd-user.plist:4\tMaxCollectionsPerHome\tquota.max-collections = 70\t\n",
		"caldavd.plist:65\tAuthentication.Wiki\tleft out\tthere is no wiki\n",
		"\nLeft to do:\n    missing.plist was not found",
		"convene.toml: no mistakes found\n",
		"22222222-0000-0000-0000-000000000001\tneptune\t1 settings\n",
		"nothing was changed; it would be: read 1, added 1,",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	if strings.Contains(out, "secret") {
		t.Error("a password is printed")
	}
	if t.Failed() {
		t.Log(out)
	}
	mode(t, dir, "convene.toml", 0o640)
	mode(t, dir, "mail-password", 0o600)
	if status, text := convene(t, "import-config", filepath.Join(dir, "caldavd/accounts.xml"), "-o", filepath.Join(dir, "other.toml")); status != 2 || !strings.Contains(text, "accounts.xml:3: it is no property list") {
		t.Errorf("of another file: %d %s", status, text)
	}
	mac, other := "../../config/apple/testdata/mac/caldavd.plist", filepath.Join(dir, "other.toml")
	if status, text := convene(t, "import-config", mac, "-o", other); status != 10 || !strings.Contains(text, "directory.ldap.urls: there is no LDAP server") || !strings.Contains(text, "convene join DOMAIN") {
		t.Errorf("without a directory: %d %s", status, text)
	}
	if status, text := convene(t, "import-config", "../../config/apple/testdata/ldap/caldavd.plist", "-o", other, "--dry-run", "--json"); status != 0 || !strings.Contains(text, `"setting": "directory.ldap.urls"`) {
		t.Errorf("dry run: %d %s", status, text)
	}
	if _, err := os.Stat(other); !os.IsNotExist(err) {
		t.Errorf("%s: %v", other, err)
	}
}

// A configuration that is there keeps who may read it, and what is put beside it is its
// owner's; a plist of another's makes the command wait for no pipe, and read no device.
func TestImportConfigFiles(t *testing.T) {
	dir := testenv.Dir(t)
	const ldap = "../../config/apple/testdata/ldap/caldavd.plist"
	output := testenv.WriteFile(t, filepath.Join(dir, "convene.toml"), "# kept\n")
	owner := os.Getuid()
	if err := os.Chmod(output, 0o600); err != nil {
		t.Fatal(err)
	}
	if owner == 0 { // nobody else can give files away
		owner = 65534
		if err := os.Chown(output, owner, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if status, text := convene(t, "import-config", ldap, "-o", output); status != 0 {
		t.Fatalf("%d %s", status, text)
	}
	mode(t, dir, "convene.toml", 0o600)
	mode(t, dir, "ldap-password", 0o600)
	for _, name := range []string{"convene.toml", "ldap-password"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != owner {
			t.Errorf("%s is of %d, want %d", name, st.Uid, owner)
		}
	}

	for name, named := range map[string]string{"pipe": filepath.Join(dir, "pipe"), "device": "/dev/zero", "folder": dir} {
		if name == "pipe" {
			if err := syscall.Mkfifo(named, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		plist := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), name+".plist"),
			"<plist><dict><key>Includes</key><array><string>"+named+"</string></array></dict></plist>")
		if status, text := convene(t, "import-config", plist, "-o", filepath.Join(dir, "other.toml")); status != 1 || !strings.Contains(text, "not a regular file") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
}
