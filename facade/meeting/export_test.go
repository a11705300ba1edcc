package meeting

import (
	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
)

// AppendField lets tests write one field of an answer.
func AppendField(name string, dst []byte, v usance.Sum) []byte {
	f, _ := figures.NewSet(Name, Mapping()).Usual(name)
	return f.Append(dst, figures.Native{Value: v})
}
