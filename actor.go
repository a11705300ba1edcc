package usance

// Actor is who makes a change and from where, as the audit trail keeps it.
type Actor struct {
	Name   string `json:"name"`             // user, token or key, such as "token:collector"
	Origin string `json:"origin,omitempty"` // network address, when there is one
}
