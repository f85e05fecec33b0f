// Package markup writes the HTML of what a page may have hundreds of, such as the events of a
// month: package html/template calls functions by reflection for each value, and would take most
// of the time that such a page takes. The rest of a page is a template, into which this goes by
// {{.HTML}}. Other packages cannot make HTML of a text that is not a constant of theirs, but by
// Text.
package markup
