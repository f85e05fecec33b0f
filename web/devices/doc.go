// Package devices is the pages on which people connect their programs and phones: passwords
// for each device, how each program is set up, and what becomes of its first requests.
package devices
