package tzdist

import "convene/internal/ical"

// The members of the response to capabilities (RFC 7808 §6.1).
type (
	capabilities struct {
		Version int            `json:"version"`
		Info    info           `json:"info"`
		Actions []actionMember `json:"actions"`
	}
	info struct {
		PrimarySource string    `json:"primary-source"`
		Formats       []string  `json:"formats"`
		Truncated     truncated `json:"truncated"`
		Contacts      []string  `json:"contacts,omitempty"`
	}
	truncated struct {
		Any         bool `json:"any"`
		Untruncated bool `json:"untruncated"`
	}
	actionMember struct {
		Name        string        `json:"name"`
		URITemplate string        `json:"uri-template"`
		Parameters  []paramMember `json:"parameters"`
	}
	paramMember struct {
		Name     string   `json:"name"`
		Required bool     `json:"required"`
		Multi    bool     `json:"multi"`
		Values   []string `json:"values,omitempty"`
	}
)

// describe makes the response to capabilities.
func (s *service) describe(contacts []string) *response {
	doc := capabilities{
		Version: 1,
		Info: info{
			PrimarySource: publisher + ":" + ical.TZDataVersion(),
			Formats:       formats[:],
			Truncated:     truncated{Any: true, Untruncated: true},
			Contacts:      contacts,
		},
	}
	for _, a := range s.actions {
		m := actionMember{Name: a.name, URITemplate: s.prefix + a.template, Parameters: []paramMember{}}
		for _, p := range a.params {
			m.Parameters = append(m.Parameters, paramMember{Name: p.name, Required: p.required, Values: p.values})
		}
		doc.Actions = append(doc.Actions, m)
	}
	return jsonResponse(doc)
}

// getCapabilities serves capabilities (RFC 7808 §5.1).
func (s *service) getCapabilities(*query) (*response, error) { return s.capabilities, nil }
