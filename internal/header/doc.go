// Package header reads header fields of HTTP messages at the cost of a map look-up.
package header
