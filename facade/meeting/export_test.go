package meeting

import "github.com/usance/usance"

// AppendField lets tests write one field of an answer.
func AppendField(b Binding, dst []byte, v usance.Sum) []byte { return b.append(dst, v) }
