package meeting

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
)

// fault is a refusal by the meeting service: USG codes come from its user side,
// MMC codes from its conference side.
type fault struct {
	status int
	code   string
	zh, en string
}

func (f *fault) Error() string { return f.code + ": " + f.en }

// The error map. What the gateway decides before the service (unknown paths,
// throttling, bodies over the bound) has the gateway's own codes.
var (
	faultParameter = &fault{http.StatusBadRequest, "USG.200000003", "请求参数错误", "The request parameters are invalid."}
	faultInternal  = &fault{http.StatusInternalServerError, "USG.200000002", "系统内部错误", "The service failed."}

	faultPassword  = &fault{http.StatusUnauthorized, "USG.206010000", "帐号或密码错误", "The account or the password is wrong."}
	faultSignature = &fault{http.StatusUnauthorized, "USG.206010025", "App ID签名校验失败", "The App ID or its signature is wrong."}
	faultExpired   = &fault{http.StatusUnauthorized, "USG.206010057", "App ID鉴权信息已过期", "The App ID signature has expired."}
	faultToken     = &fault{http.StatusUnauthorized, "USG.206020000", "Token无效", "The access token is missing or invalid."}
	faultDisabled  = &fault{http.StatusPreconditionFailed, "USG.206010007", "帐号已停用或未激活", "The account is disabled or not activated."}
	faultLocked    = &fault{http.StatusLocked, "USG.206030015", "帐号已锁定,请稍后再试", "The account is locked. Try again later."}

	faultNotRegistered = &fault{http.StatusForbidden, "USG.206010030", "不允许自动注册用户", "Users may not be registered automatically."}
	faultRegistration  = &fault{http.StatusBadRequest, "USG.206010031", "自动注册用户失败", "The user could not be registered automatically."}

	faultForbidden   = &fault{http.StatusForbidden, "MMC.111080002", "权限不足", "Insufficient permission."}
	faultMMCInternal = &fault{http.StatusInternalServerError, "MMC.112100044", "系统内部错误", "The service failed."}
)

// refusals is the one place that turns errors of the core into the vendor's. Its
// bodies have all three members of the vendor's.
func refusals(log *slog.Logger) *gateway.Refusals[*fault] {
	return &gateway.Refusals[*fault]{Service: "meeting", Log: log,
		Kinds: map[usance.Kind]error{
			usance.KindInvalid:      faultParameter,
			usance.KindUnauthorized: faultToken,
			usance.KindForbidden:    faultForbidden,
			usance.KindLocked:       faultLocked,
		},
		Internal: func(r *http.Request) *fault {
			if strings.HasPrefix(r.URL.Path, "/v1/mmc/") {
				return faultMMCInternal
			}
			return faultInternal
		},
		Write: func(w http.ResponseWriter, r *http.Request, f *fault) {
			msg := f.zh
			if english(r.Header.Get("Accept-Language")) {
				msg = f.en
			}
			gateway.WriteServiceErrorWithID(w, r, f.status, f.code, msg)
		}}
}

// english reports whether Accept-Language names English before Chinese, which is
// the documented default. Weights are not looked at: the vendor documents two
// plain values.
func english(accept string) bool {
	for tag := range strings.SplitSeq(accept, ",") {
		tag, _, _ = strings.Cut(tag, ";")
		tag = strings.ToLower(strings.TrimSpace(tag))
		switch {
		case strings.HasPrefix(tag, "en"):
			return true
		case strings.HasPrefix(tag, "zh"):
			return false
		}
	}
	return false
}
