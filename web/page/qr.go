package page

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// A QR is a QR code as the part "qr" draws it.
type QR struct {
	Label string // for those who do not see it
	Size  int    // modules across, with the quiet zone
	Path  string // of the dark modules, as SVG has it
}

// quiet is the width in modules of what stays empty around a QR code (ISO/IEC 18004 §6.3.8).
const quiet = 4

// NewQR makes the QR code of a text. Error: the text is too long for one.
func NewQR(text, label string) (*QR, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("QR code of %d characters: %w", len(text), err)
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, n, n)
				x += n
			}
		}
	}
	return &QR{Label: label, Size: code.Size + 2*quiet, Path: b.String()}, nil
}
