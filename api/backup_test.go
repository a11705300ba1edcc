package api

import (
	"os"
	"testing"

	"github.com/usance/usance/internal/backup"
)

func TestABackupIsWhatItsManifestSays(t *testing.T) {
	h := newHouse(t)
	ask := func(body string) *reply {
		return h.do(call{method: "POST", path: prefix + "/backup", token: "operator", body: body})
	}
	dir := t.TempDir() + "/data"
	to, err := backup.NewRestoring(dir, "db")
	h.must(err)
	m, err := backup.Read(ask("").want(200).Body, to, nil)
	h.must(err)
	if rows, err := os.ReadFile(dir + "/db/1.sst"); err != nil || string(rows) != "rows" || len(m.Files) != 1 || !m.Made.Equal(noon) {
		t.Errorf("%q, %v of %+v", rows, err, m)
	}
	all := ask("{}").want(200).Body.Len()
	if rest := ask(`{"have":["` + m.Files[0].SHA256 + `"]}`).want(200).Body.Len(); rest >= all {
		t.Errorf("%d bytes are sent to who has it all, %d to who has nothing", rest, all)
	}
	ask(`{"have":["../../etc/passwd"]}`).want(400)
	h.api.snapshot = nil
	ask("").want(400)
}
