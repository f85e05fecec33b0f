// Package manage is the pages for administrators.
package manage
