package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const in = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:9: no slapd\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p","Elapsed":1.5}
{"ImportPath":"q","Action":"build-output","Output":"q.go:1: undefined: x\n"}
{"Action":"output","Package":"q","Output":"FAIL\tq [build failed]\n"}
{"Action":"fail","Package":"q"}
{"Action":"skip","Package":"empty"}
go: a message
`
	var out strings.Builder
	sum, err := report(strings.NewReader(in), &out)
	if err != nil {
		t.Fatal(err)
	}
	if sum.passed != 1 || sum.failed != 2 || sum.packages != 2 {
		t.Errorf("summary = %+v", sum)
	}
	if len(sum.skipped) != 1 || sum.skipped[0] != "p TestC: c_test.go:9: no slapd" {
		t.Errorf("skipped = %q", sum.skipped)
	}
	for _, want := range []string{"b_test.go:3: wrong", "undefined: x", "[build failed]", "FAIL  p ", "go: a message"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "RUN") {
		t.Errorf("report shows passing tests:\n%s", out.String())
	}
}
