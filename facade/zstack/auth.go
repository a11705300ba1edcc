package zstack

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/inside"
)

// sessionKind is the kind of this façade's sessions in the registry.
const sessionKind = "zstack"

// authenticate finds out who calls. A missing or malformed Authorization is
// refused in text at HTTP's level; a session that is dead is a business failure.
func (c *call) authenticate() error {
	if who, ok := inside.Who(c.ctx); ok {
		c.principal = who
		return nil
	}
	auth := strings.TrimSpace(c.r.Header.Get("Authorization"))
	if auth == "" {
		return plainf(http.StatusBadRequest, "the header Authorization is missing")
	}
	if token, ok := strings.CutPrefix(auth, "OAuth"); ok {
		s, p, err := c.f.reg.Session(c.ctx, sessionKind, strings.TrimSpace(token))
		if usance.KindOf(err) == usance.KindUnauthorized {
			return refuse(sessionInvalid, "Session expired")
		}
		if err != nil {
			return err
		}
		c.principal, c.session = p, &s
		return nil
	}
	if signed, ok := strings.CutPrefix(auth, "ZStack"); ok {
		return c.checkSignature(strings.TrimSpace(signed))
	}
	return plainf(http.StatusBadRequest, "the type of Authorization must be OAuth or ZStack")
}

// checkSignature checks "keyId:signature". The signature covers the method, the
// Date header as sent and the decoded path; neither query nor body. Within the
// allowed skew a signed request can be repeated, as on ZStack itself.
func (c *call) checkSignature(signed string) error {
	date := c.r.Header.Get("Date")
	if err := c.checkDate(date); err != nil {
		return err
	}
	id, signature, ok := strings.Cut(signed, ":")
	if !ok || id == "" || signature == "" || strings.Contains(signature, ":") {
		return plainf(http.StatusBadRequest, "an access key is given as AccessKeyID:signature")
	}
	key, err := c.f.reg.Key(c.ctx, usance.KeyZStack, id)
	if usance.KindOf(err) == usance.KindNotFound {
		return plainf(http.StatusForbidden, "access key id[%s] does not exist or is disabled", clip(id))
	}
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(signature), []byte(sign(key.Secret, c.r.Method, date, c.path))) {
		return plainf(http.StatusForbidden, "wrong accessKey signature")
	}
	c.principal, c.key = key.Principal, id
	return nil
}

// sign returns base64(HMAC-SHA1(secret, METHOD \n Date \n PATH)).
func sign(secret, method, date, path string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(method + "\n" + date + "\n" + path))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// checkDate holds a signed request's Date against the clock. Unless CheckTimeZone
// is set the zone is dropped and wall clocks are compared, for the SDKs write
// zones that cannot be relied on: Python's writes CST wherever it runs.
func (c *call) checkDate(date string) error {
	if date == "" {
		return plainf(http.StatusBadRequest, "the header Date is missing")
	}
	wall, zone, ok := parseSignedDate(date)
	now := c.f.o.Now().In(c.f.o.Location)
	if ok && c.f.o.CheckTimeZone {
		wall, ok = instant(wall, zone, c.f.o.Location)
	} else {
		now = time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), now.Minute(), now.Second(), now.Nanosecond(), time.UTC)
	}
	if !ok {
		return plainf(http.StatusBadRequest, "the header Date must have the form EEE, dd MMM yyyy HH:mm:ss zone")
	}
	if skew := now.Sub(wall); skew > c.f.o.MaxSkew || skew < -c.f.o.MaxSkew {
		return plainf(http.StatusForbidden, "requestTimeTooSkewed")
	}
	return nil
}
