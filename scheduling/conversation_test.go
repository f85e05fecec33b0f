package scheduling_test

import (
	"os"
	"path/filepath"
	"testing"

	"convene/scheduling/schedulingtest"
)

// TestConversations plays what is in testdata: who does what, and what everybody
// has then.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts, err := schedulingtest.ParseScripts(file, string(text))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, script := range scripts {
				t.Run(script.Name, func(t *testing.T) { play(t, script) })
			}
		})
	}
}

// play plays one script among four people.
func play(t *testing.T, script *schedulingtest.Script) {
	p := &schedulingtest.Player{World: schedulingtest.New("O", "A", "B", "C")}
	if err := p.Play(script); err != nil {
		t.Fatal(err)
	}
	if p.Damaged {
		return
	}
	problems, err := p.World.Check()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}
