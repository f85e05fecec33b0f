package tzdist

// list serves list (RFC 7808 §5.2): all zones, or none if the client has the
// token of today.
func (s *service) list(q *query) (*response, error) {
	c, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	if q.param("changedsince") == c.zones.SyncToken {
		return c.changed, nil
	}
	return c.all, nil
}
