package sacl

import "convene/audit"

// An act is a change of the rule for a record and a service.
type act struct {
	verb string
	by   audit.By
	rule *Rule
}

// ruleState is a rule in the audit log.
type ruleState struct {
	Service Service `json:"service"`
	Effect  Effect  `json:"effect"`
	Who     string  `json:"who"`
	GUID    string  `json:"guid,omitempty"`
}

// between is the act in the audit log that makes next of rules.
func (a *act) between(rules, next []*Rule) audit.Act {
	return audit.Act{
		By: a.by, Verb: a.verb, Object: audit.Object{Type: "rule", GUID: a.rule.Who.GUID, Name: a.rule.Entry(), Path: string(a.rule.Service)},
		Before: stateOf(rules, a.rule), After: stateOf(next, a.rule),
	}
}

// stateOf is the rule for the record and service of r, nil if there is none.
func stateOf(rules []*Rule, r *Rule) any {
	for _, one := range rules {
		if one.same(r) {
			return one.state()
		}
	}
	return nil
}

func statesOf(rules []*Rule) []ruleState {
	out := []ruleState{}
	for _, r := range rules {
		out = append(out, r.state())
	}
	return out
}

func (r *Rule) state() ruleState { return ruleState{r.Service, r.Effect, r.Entry(), r.Who.GUID} }

// fromFile are those rules that the file has.
func fromFile(rules []Rule) (out []*Rule) {
	for i := range rules {
		if rules[i].Origin == FromFile {
			out = append(out, &rules[i])
		}
	}
	return out
}
