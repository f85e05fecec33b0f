// Command testreport reads the output of "go test -json" and prints what a
// person wants of it: a line for each package, the whole output of each test
// that failed, and the tests that were skipped.
//
//	go test -json ./... > test.json; go run ./testenv/cmd/testreport test.json
//
// It exits with 1 if a package or test failed, and, when the environment has
// CI=true, if a test was skipped: in CI a missing server is a fault of the
// set-up and must not pass for a success.
package main
