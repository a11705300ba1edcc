package meeting

import (
	"net/http"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// tokenAnswer is what all calls that issue a token answer. The members of a token
// that was not made (createTokenType 1), or is no longer there, are null. Times of
// creation are in milliseconds, times of expiry and lives in seconds since 1970.
type tokenAnswer struct {
	AccessToken        *string   `json:"accessToken"`
	TokenIP            string    `json:"tokenIp"`
	ValidPeriod        *int64    `json:"validPeriod"`
	CreateTime         *int64    `json:"createTime"`
	ExpireTime         *int64    `json:"expireTime"`
	ClientType         int       `json:"clientType"`
	TokenType          int       `json:"tokenType"` // 0: a user's access token
	ForceLoginInd      int       `json:"forceLoginInd"`
	FirstLogin         bool      `json:"firstLogin"`
	PwdExpired         bool      `json:"pwdExpired"`
	DaysPwdAvailable   int       `json:"daysPwdAvailable"`
	DelayDelete        bool      `json:"delayDelete"`
	ProxyToken         *struct{} `json:"proxyToken"` // always null: there is no proxy
	RefreshToken       *string   `json:"refreshToken"`
	RefreshValidPeriod *int64    `json:"refreshValidPeriod"`
	RefreshCreateTime  *int64    `json:"refreshCreateTime"`
	RefreshExpireTime  *int64    `json:"refreshExpireTime"`
	User               userInfo  `json:"user"`
}

// The kinds of user and of administrator.
const (
	userSP         = 1
	userEnterprise = 2

	adminDefault = 0
	adminOther   = 1
	adminNone    = 2
)

type userInfo struct {
	UserID         string `json:"userId"`
	UCLoginAccount string `json:"ucloginAccount"`
	ServiceAccount string `json:"serviceAccount"`
	NumberHA1      string `json:"numberHA1"`
	Alias1         string `json:"alias1"`
	CompanyID      string `json:"companyId"`
	SPID           string `json:"spId"`
	CompanyDomain  string `json:"companyDomain"`
	Realm          string `json:"realm"`
	UserType       int    `json:"userType"`
	AdminType      int    `json:"adminType"`
	Name           string `json:"name"`
	NameEn         string `json:"nameEn"`
	IsBindPhone    bool   `json:"isBindPhone"`
	FreeUser       bool   `json:"freeUser"`
	ThirdAccount   string `json:"thirdAccount"`
	VisionAccount  string `json:"visionAccount"`
	HeadPictureURL string `json:"headPictureUrl"`
	Status         int    `json:"status"` // 0: enabled
	PaidAccount    string `json:"paidAccount"`
	WeLinkUser     bool   `json:"weLinkUser"`
	AppID          string `json:"appId"`
	TR069Account   string `json:"tr069Account"`
	CorpType       int    `json:"corpType"` // 0: flagship edition
	CloudUserID    string `json:"cloudUserId"`
	GrayUser       bool   `json:"grayUser"`
}

// passwordDays is shown as the days a password is still good for: passwords here
// do not age.
const passwordDays = 90

// answerOf makes the answer for somebody and their tokens; g is nil when none
// were made.
func answerOf(r *http.Request, who signedIn, g *grant, d *registry.Definitions) *tokenAnswer {
	a := &tokenAnswer{TokenIP: remoteIP(r), ClientType: who.client, DaysPwdAvailable: passwordDays, User: userOf(who, d)}
	if g == nil {
		return a
	}
	a.AccessToken = &g.access
	a.CreateTime, a.ExpireTime, a.ValidPeriod = times(g.created, g.expires)
	if g.refresh != "" {
		a.RefreshToken = &g.refresh
		a.RefreshCreateTime, a.RefreshExpireTime, a.RefreshValidPeriod = times(g.refreshCreated, g.refreshExpires)
	}
	return a
}

// times returns a creation in milliseconds, and its expiry and life in seconds.
func times(created, expires time.Time) (ms, at, life *int64) {
	c, e := created.UnixMilli(), expires.Unix()
	l := e - created.Unix()
	return &c, &e, &l
}

func userOf(who signedIn, d *registry.Definitions) userInfo {
	u := userInfo{
		UserID: who.User, Name: who.User, UCLoginAccount: who.User + "@" + string(who.Tenant),
		CompanyID: companyOf(who, d), CompanyDomain: string(who.Tenant), SPID: who.data[dataSP],
		UserType: userEnterprise, AdminType: adminNone, AppID: who.data[dataApp],
	}
	if u.AppID != "" {
		u.ThirdAccount = who.User
	}
	if who.May(usance.RightManage, nodeOf(who.data)) == nil {
		u.AdminType = adminOther
		if who.data[dataDefault] != "" {
			u.AdminType = adminDefault
		}
	}
	if who.data[dataSelf] != "" {
		u.UserType = userSP
	}
	return u
}

// aliasCorp is the kind of alias by which a service provider names an enterprise.
const aliasCorp = "meeting.corp"

// companyOf names the enterprise as its service provider does, or else by its
// tenant.
func companyOf(who signedIn, d *registry.Definitions) string {
	if n, ok := d.Node(nodeOf(who.data)); ok && n.Aliases[aliasCorp] != "" {
		return n.Aliases[aliasCorp]
	}
	return string(who.Tenant)
}
