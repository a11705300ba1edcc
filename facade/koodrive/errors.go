package koodrive

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
)

// fault is a refusal in KooDrive's form: an HTTP status and a body of code and msg.
type fault struct {
	status     int
	code       int
	en, zh     string
	retryAfter time.Duration
}

func (f fault) Error() string { return strconv.Itoa(f.code) + ": " + f.en }

func (f fault) after(d time.Duration) fault {
	f.retryAfter = d
	return f
}

// saying returns the fault with a reason behind its message.
func (f fault) saying(en, zh string) fault {
	f.en, f.zh = f.en+": "+en, f.zh+":"+zh
	return f
}

// The error map. 130001xx to 130004xx are the vendor's codes. It documents none
// for failed authentication, for a path that is not there and for throttling;
// 13009xxx, which it does not use, carries the HTTP status for those.
var (
	faultParameter = fault{status: http.StatusBadRequest, code: 13000102, en: "The parameters are invalid", zh: "参数校验失败"}
	faultInternal  = fault{status: http.StatusInternalServerError, code: 13000201, en: "The service failed", zh: "服务内部错误"}
	faultForbidden = fault{status: http.StatusBadRequest, code: 13000410, en: "No permission on this space", zh: "没有该空间的权限"}

	faultUnauthorized = fault{status: http.StatusUnauthorized, code: 13009401, en: "Authentication failed", zh: "鉴权失败"}
	faultCredentials  = fault{status: http.StatusBadRequest, code: 13009401, en: "Authentication failed", zh: "鉴权失败"}
	faultNoCall       = fault{status: http.StatusNotFound, code: 13009404, en: "There is no such API", zh: "接口不存在"}
	faultThrottled    = fault{status: http.StatusTooManyRequests, code: 13009429, en: "Too many requests", zh: "请求过于频繁"}
)

// faultOf is the one place that turns errors of the core into the vendor's.
func faultOf(err error) fault {
	if f, ok := errors.AsType[fault](err); ok {
		return f
	}
	switch usance.KindOf(err) {
	case usance.KindInvalid, usance.KindTooLarge:
		return faultParameter
	case usance.KindUnauthorized, usance.KindLocked:
		return faultUnauthorized
	case usance.KindForbidden:
		return faultForbidden
	case usance.KindUnavailable:
		return faultInternal.after(time.Second)
	}
	return faultInternal
}

// refuse answers an error. What the caller cannot help goes to the log in full,
// and nowhere else.
func (f *Facade) refuse(w http.ResponseWriter, r *http.Request, err error) {
	out := faultOf(err)
	if out.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		f.o.Logger.ErrorContext(r.Context(), "koodrive", "error", err, "request_id", httpx.RequestIDFrom(r.Context()))
	}
	writeFault(w, r, out)
}

type errorBody struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

func writeFault(w http.ResponseWriter, r *http.Request, f fault) {
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(f.retryAfter.Seconds())), 10))
	}
	msg := f.en
	if chinese(r.Header.Get("language")) {
		msg = f.zh
	}
	if err := httpx.WriteJSON(w, f.status, errorBody{Code: f.code, Msg: msg}); err != nil {
		httpx.WriteBytes(w, http.StatusInternalServerError, nil) // two plain members always encode
	}
}

// chinese reports whether a language header asks for Chinese; English is the
// documented default.
func chinese(language string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(language)), "zh")
}

// traceIDLength is how many characters a caller's trace id must have.
const traceIDLength = 58

// checkTraceID echoes the caller's trace id, which is optional and else of one
// length.
func checkTraceID(w http.ResponseWriter, r *http.Request) error {
	ids := r.Header["X-Traceid"]
	if len(ids) == 0 {
		return nil
	}
	if len(ids) > 1 || utf8.RuneCountInString(ids[0]) != traceIDLength {
		return faultParameter.saying("X-Traceid must have 58 characters", "X-Traceid必须为58位")
	}
	w.Header()["X-Traceid"] = ids
	return nil
}
