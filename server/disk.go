package server

import "golang.org/x/sys/unix"

// freeDisk returns how many bytes may still be written to the disk of a folder.
func freeDisk(folder string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
