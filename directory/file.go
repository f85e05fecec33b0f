package directory

import (
	"context"
	"errors"
)

// File is a Directory kept in files.
type File struct{ Static }

// OpenFile reads the files of cfg.
func OpenFile(cfg FileConfig, o Options) (*File, error) { return nil, errors.New("file: none") }

// Reload reads the files again. On error the old records stay.
func (f *File) Reload(ctx context.Context) error { return nil }

// Close ends the use of the files.
func (f *File) Close() error { return nil }
