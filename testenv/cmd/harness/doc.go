// Command harness runs a convene server for programs that test and measure
// servers from outside, with a real slapd behind it:
//
//	harness conformance -cdt DIR -suite DIR -- ARGS   the conformance runner
//	harness bench -calbench DIR -- ARGS               the load driver
//	harness crash -n N                                kill -9, N times, under writes
//	harness drill                                     verify, backup, restore, cp and backup --follow beside writes
//	harness mailcrash -n N                            kill -9 at each stage of mail, to a server that counts
//	harness enumeration -names N -pairs N -runs N     can names be told from names that nobody has
//	harness roomrace -clients C -n N                  C clients that want one room, then N times kill -9
//
// It builds the server from the module in the current folder, keeps all data
// in a temporary folder, and listens on loopback. While a runner works it can
// be told over a loopback port to stop and start the server and to put its
// data back; "harness ctl URL stop|start|reset" does that.
//
// The Makefile's targets conformance, bench, crash, mailcrash, roomrace, enumeration and drills are the
// way to call it.
package main
