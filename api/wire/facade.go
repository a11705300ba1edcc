package wire

// FacadeCall asks for a façade's own answer.
type FacadeCall struct {
	Operation string              `json:"operation"`       // the vendor's name of the call
	Path      map[string]string   `json:"path,omitempty"`  // the variables of its path
	Query     map[string][]string `json:"query,omitempty"` // its query parameters
}

// FacadeAnswer is what a client of the vendor's would be answered.
type FacadeAnswer struct {
	Method  string            `json:"method"`
	Target  string            `json:"target"` // path and query, as sent
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    *string           `json:"body,omitzero"`         // byte for byte
	Bytes   []byte            `json:"body_base64,omitempty"` // in its place when it is no text
	Micros  int64             `json:"micros"`                // µs that the façade took
}
