package auth

import (
	"bytes"
	"encoding/json"
	"fmt"

	"convene/internal/engine"
	"convene/internal/held"
)

// HeldDevice is the kind of device passwords among what is held.
const HeldDevice = "device"

// DeviceSecrets returns all device passwords with their rows.
func DeviceSecrets(r engine.Reader) (list []held.Secret, err error) {
	digest := map[string][]held.Row{} // table key of a device password → its HA1s
	for k, v := range r.Scan(tableDeviceHA1, engine.Range{}) {
		guid, _, _ := bytes.Cut(k, []byte{0})
		id := k[bytes.LastIndexByte(k, 0)+1:]
		of := string(devicePrefix(string(guid))) + string(id)
		digest[of] = append(digest[of], held.Row{Table: tableDeviceHA1, Key: bytes.Clone(k), Value: bytes.Clone(v)})
	}
	for k, v := range r.Scan(tableDevice, engine.Range{}) {
		var rec deviceRecord
		if err := json.Unmarshal(v, &rec); err != nil {
			return nil, fmt.Errorf("device password %q: %w", k, err)
		}
		guid, _, _ := bytes.Cut(k, []byte{0})
		key := bytes.Clone(k)
		rows := []held.Row{{Table: tableDeviceHash, Key: rec.Hash, Value: key}, {Table: tableDevice, Key: key, Value: bytes.Clone(v)}}
		list = append(list, held.Secret{
			Kind: HeldDevice, GUID: string(guid), Label: rec.Label, Created: rec.Created, Rows: append(rows, digest[string(k)]...),
		})
	}
	return list, nil
}
