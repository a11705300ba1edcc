package meeting

import (
	"net/http"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// orgRes answers "Querying Enterprise Resource Usage as an Enterprise
// Administrator".
func (f *Facade) orgRes(w http.ResponseWriter, r *http.Request) {
	body, err := f.usage(w, r)
	if err != nil {
		f.refusals.Answer(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	httpx.WriteBytes(w, http.StatusOK, body)
}

func (f *Facade) usage(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	c, err := f.authenticate(w, r)
	if err != nil {
		return nil, err
	}
	node := nodeOf(c.session.Data)
	if err := c.May(usance.RightManage, node); err != nil { // administrators alone have it
		return nil, err
	}
	ctx := r.Context()
	gateway.Upstream(ctx)
	now := f.o.Now()
	return f.answers.Of(ctx, ledger.Question{Tenant: c.Tenant, Node: node}, now, func(d *registry.Definitions) ([]byte, time.Time, error) {
		p := f.figures.For(d)
		got, err := p.Read(ctx, f.led, d, node, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		return encode(p, got), got.Until, nil
	})
}

func encode(p *figures.Plan, got *figures.Readings) []byte {
	body := append(make([]byte, 0, 256), '{')
	for i := range p.Figures {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '"')
		body = append(body, p.Figures[i].Name...)
		body = append(body, '"', ':')
		body = p.Figures[i].Append(body, got.Natives[i])
	}
	return append(body, '}')
}
