package main

import (
	"bufio"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The program is one static file with a version, built as the Makefile and as
// the documentation say.
func TestBuild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the format of the file is that of Linux")
	}
	documented := buildCommand(t)
	for name, command := range map[string]string{
		"Makefile":   "make -s convene BUILD=$OUT VERSION=v1.2.3-test",
		"install.md": strings.Replace(documented, "/usr/local/bin", "$OUT", 1),
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			cmd := exec.Command("sh", "-ec", command)
			cmd.Dir, cmd.Env = "../..", append(os.Environ(), "OUT="+out)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, text)
			}
			program := filepath.Join(out, "convene")
			checkStatic(t, program)
			text, err := exec.Command(program, "version").Output()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(command, "VERSION=") && !strings.HasPrefix(string(text), "convene v1.2.3-test ") {
				t.Errorf("version: %s", text)
			}
			if fields := strings.Fields(string(text)); len(fields) < 4 || fields[1] == "unknown" {
				t.Errorf("version: %s", text)
			}
		})
	}
}

// buildCommand returns the line of docs/admin/install.md that builds.
func buildCommand(t *testing.T) string {
	t.Helper()
	f, err := os.Open("../../docs/admin/install.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.Contains(lines.Text(), "go build") {
			return strings.TrimSpace(lines.Text())
		}
	}
	t.Fatal("install.md does not say how to build")
	return ""
}

func checkStatic(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is linked dynamically: %v", p.Type)
		}
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]string{}
	for _, s := range info.Settings {
		built[s.Key] = s.Value
	}
	if built["-trimpath"] != "true" || built["CGO_ENABLED"] != "0" {
		t.Errorf("built with -trimpath=%s CGO_ENABLED=%s", built["-trimpath"], built["CGO_ENABLED"])
	}
}
