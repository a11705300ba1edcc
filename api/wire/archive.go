package wire

import (
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
)

// TypeArchive is the media type of a tenant's archive.
const TypeArchive = "application/vnd.usance.archive"

// HeaderPassphrase is the request header with the passphrase under which an
// archive has secrets.
const HeaderPassphrase = "Usance-Passphrase"

// KeyRef names a signing key.
type KeyRef struct {
	Kind usance.KeyKind `json:"kind"`
	ID   string         `json:"id"`
}

// Archived is what an archive holds. SHA256 is the hash of all that it says,
// which is not that of the file's bytes.
type Archived struct {
	Tenant   usance.TenantID `json:"tenant"`
	Sequence uint64          `json:"sequence"` // of its last entry
	Events   uint64          `json:"events"`
	Made     time.Time       `json:"made"`
	SHA256   string          `json:"sha256"`
	Secrets  bool            `json:"secrets"` // the signing keys' secrets are in it, under the passphrase
	Keys     []KeyRef        `json:"keys"`    // the signing keys it defines
}

// Imported is what came of an import.
type Imported struct {
	Tenant   usance.TenantID `json:"tenant"`
	Archived uint64          `json:"archived"` // sequence of the archive's last entry
	Sequence uint64          `json:"sequence"` // of the tenant's newest: past Archived when keys were sealed anew
	Events   uint64          `json:"events"`
	Sealed   int             `json:"sealed"`  // signing keys sealed anew for this server
	Lost     []KeyRef        `json:"lost"`    // signing keys whose secrets stayed behind: they sign nothing until they are given one
	Already  bool            `json:"already"` // the same archive had been imported before; nothing was done
}

// Arrival says how far an import is.
type Arrival struct {
	Tenant   usance.TenantID `json:"tenant"`
	Archived uint64          `json:"archived"` // sequence of the archive's last entry
	Chain    string          `json:"chain"`    // the ledger's hash chain at that entry
	Stored   uint64          `json:"stored"`   // entries that are there: an import goes on after them
	Done     bool            `json:"done"`
}

// ImportProgress is one line of an import that tells how far it is. The last line
// has a Result or a Problem.
type ImportProgress struct {
	Stage   string    `json:"stage,omitempty"` // storing, folding, saving
	Done    uint64    `json:"done"`            // entries, or rows
	Of      uint64    `json:"of"`              // 0 when it is not known
	Result  *Imported `json:"result,omitempty"`
	Problem *Problem  `json:"problem,omitempty"`
}

// ArchivedOf is what an archive was found to hold.
func ArchivedOf(s archive.Summary, err error) (Archived, error) {
	if err != nil {
		return Archived{}, err
	}
	out := Archived{Tenant: s.Header.Tenant, Sequence: s.Header.Sequence, Events: s.Header.Events, Made: s.Header.Made, SHA256: s.Sum.String(), Secrets: s.Secrets, Keys: []KeyRef{}}
	for _, k := range s.Keys {
		out.Keys = append(out.Keys, KeyRef{usance.KeyKind(k.Kind), k.ID})
	}
	return out, nil
}
