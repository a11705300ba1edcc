package api

import (
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/backup"
)

func backupRoutes() []route {
	return []route{
		{id: "backup", method: "POST", path: "/backup", right: usance.RightOperate, where: anywhere, handle: sendBackup,
			doc: doc{tag: "Integrity", summary: "A copy of the whole store as of one moment", in: "BackupRequest", optional: true, out: "Backup", status: 200, text: backupText}},
	}
}

const backupText = "For the embedded store. The answer is a tar archive: manifest.json, which names every file of the store with its SHA-256; files/HASH for each of them that have does not list; " +
	"and last an empty entry named end, without which it broke off. It holds everything that was acknowledged before the call, for all tenants. " +
	"The master key, which the secrets in it hang on, is not in it. A server makes one at a time: another call meanwhile is answered 503. usance backup makes this call, and usance restore brings the copy back."

func sendBackup(q *request) error {
	var in wire.BackupRequest
	if q.r.Body != nil && q.r.Body != http.NoBody {
		if err := q.decode(&in); err != nil {
			return err
		}
	}
	has := make(map[string]bool, len(in.Have))
	for _, sum := range in.Have {
		if !backup.IsHash(sum) {
			return usance.Errorf(usance.KindInvalid, "have lists what is not a SHA-256 in hexadecimal digits")
		}
		has[sum] = true
	}
	if q.api.snapshot == nil {
		return usance.Errorf(usance.KindInvalid, "the store is PostgreSQL: back the database up by its own tools, as docs/operations.md says")
	}
	select {
	case q.api.backingUp <- struct{}{}:
		defer func() { <-q.api.backingUp }()
	default:
		return usance.Errorf(usance.KindUnavailable, "another backup is under way")
	}
	made := q.api.now()
	snapshot, err := q.api.snapshot(q.r.Context())
	if err != nil {
		return err
	}
	defer func() {
		if err := snapshot.Close(); err != nil {
			q.api.log.Warn("a backup's snapshot was not removed", "error", err)
		}
	}()
	q.unhurried()
	q.w.Header().Set("Content-Type", wire.TypeTar)
	q.w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(q.w).Flush() // reading every file takes its time; whoever waits knows that it goes on
	m, err := snapshot.Manifest(q.r.Context(), q.api.version, made)
	if err == nil {
		err = backup.Write(q.r.Context(), q.w, snapshot, m, func(sum string) bool { return has[sum] })
	}
	if err != nil {
		q.api.logFailure(q.r, err)
		panic(http.ErrAbortHandler) // the status is gone; a body cut off is all that can still tell
	}
	return nil
}
