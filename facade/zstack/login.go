package zstack

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// The sorts of user a session may be of.
const (
	ofAccount   = "AccountVO"
	ofUser      = "UserVO"
	ofVirtualID = "IAM2VirtualIDVO"
)

// signIn checks a password, which comes as the lowercase hex SHA-512 of its clear
// text. Failures in a row lock the login out; the count is by the login as it was
// written, so name and name@tenant are counted apart.
func (c *call) signIn(login, wire string) error {
	key := sha256.Sum256([]byte(login)) // bounds what the count remembers
	if until, is := c.f.locks.Locked(string(key[:])); is {
		return c.lockedOut(until)
	}
	p, err := c.f.reg.SignInWire(c.ctx, login, wire)
	if usance.KindOf(err) == usance.KindUnauthorized {
		if until, is := c.f.locks.Fail(string(key[:])); is {
			return c.lockedOut(until)
		}
		return refuse(wrongCredentials, "wrong name or password")
	}
	if err != nil {
		return err
	}
	c.f.locks.Succeed(string(key[:]))
	c.principal = p
	return nil
}

func (c *call) lockedOut(until time.Time) error {
	return refuse(locked, "too many failed logins in a row; locked until %s", c.f.date(until))
}

// logInByAccount is LogInByAccount. The name is a user's, or name@tenant.
func logInByAccount(c *call) ([]byte, error) { return c.logInNamed("accountName", ofAccount) }

// logInVirtualID is LoginIAM2VirtualID.
func logInVirtualID(c *call) ([]byte, error) { return c.logInNamed("name", ofVirtualID) }

func (c *call) logInNamed(field, sort string) ([]byte, error) {
	name, err := c.must(field)
	if err != nil {
		return nil, err
	}
	password, err := c.must("password")
	if err != nil {
		return nil, err
	}
	if err := c.signIn(name, password); err != nil {
		return nil, err
	}
	return c.openSession(sort, nil)
}

// logInByUser is LogInByUser. The account is the user's tenant, by its id or by
// the uuid of one of its accounts.
func logInByUser(c *call) ([]byte, error) {
	name, err := c.must("userName")
	if err != nil {
		return nil, err
	}
	password, err := c.must("password")
	if err != nil {
		return nil, err
	}
	account, byName, err := c.text("accountName")
	if err != nil {
		return nil, err
	}
	uuid, byUUID, err := c.text("accountUuid")
	if err != nil {
		return nil, err
	}
	switch {
	case byUUID:
		at, err := c.f.reg.ResolveAlias(c.ctx, aliasAccount, uuid)
		if err != nil && usance.KindOf(err) != usance.KindNotFound {
			return nil, err
		}
		account = string(at.Tenant) // empty: fails below as any unknown name does
	case byName:
		account = account[strings.LastIndexByte(account, '@')+1:]
	default:
		return nil, refuse(invalidArgument, "one of accountUuid and accountName is mandatory")
	}
	if err := c.signIn(name+"@"+account, password); err != nil {
		return nil, err
	}
	return c.openSession(ofUser, nil)
}

// logIn is LogIn, whose type says how. Types that need a directory or a plugin
// are not supported: there is none here.
func logIn(c *call) ([]byte, error) {
	how, err := c.must("loginType")
	if err != nil {
		return nil, err
	}
	sort := ofAccount
	switch strings.ToLower(how) {
	case "account", "iam1":
	case "iam2":
		sort = ofVirtualID
	default:
		return nil, refuse(unsupported, "the login type %s is not supported", clip(how))
	}
	return c.logInNamed("username", sort)
}

// logInByLdap is LogInByLdap.
func logInByLdap(c *call) ([]byte, error) {
	if _, err := c.must("uid"); err != nil {
		return nil, err
	}
	if _, err := c.must("password"); err != nil {
		return nil, err
	}
	return nil, refuse(unsupported, "no LDAP server is configured")
}

// logInProject is LoginIAM2Project: a further session of the same user, bound to
// a project, whose account it acts for.
func logInProject(c *call) ([]byte, error) {
	name, err := c.must("projectName")
	if err != nil {
		return nil, err
	}
	v, err := c.definitions()
	if err != nil {
		return nil, err
	}
	for _, p := range v.projects {
		if p.name == name && c.sees(p.path) {
			return c.openSession(ofVirtualID, p)
		}
	}
	return nil, refuse(notFound, "field[projectName]: no project[name:%s] exists that the user may enter", clip(name))
}

// logInPlatform is LoginIAM2Platform: a further session of a user of the whole
// platform, which here is an administrator of the whole tenant.
func logInPlatform(c *call) ([]byte, error) {
	if c.principal.May(usance.RightManage, usance.Root) != nil {
		return nil, refuse(notPermitted, "%s is not a platform user", c.principal.User)
	}
	return c.openSession(ofVirtualID, nil)
}

// openSession starts a session for the caller and answers with it.
func (c *call) openSession(sort string, project *place) ([]byte, error) {
	v, err := c.definitions()
	if err != nil {
		return nil, err
	}
	now, token := c.f.o.Now(), c.f.newUUID()
	s := registry.Session{
		Kind: sessionKind, Tenant: c.principal.Tenant, User: c.principal.User, // for the answer too
		Created: now, Expires: now.Add(c.f.o.SessionTimeout), Sliding: c.f.o.SessionTimeout,
		Data: map[string]string{"userType": sort},
	}
	if project != nil {
		s.Data["account"] = project.linked
	}
	limit, evict := c.f.o.MaxSessions, false
	if c.f.o.UniqueSession {
		limit, evict = 1, true
	}
	switch err := c.f.reg.OpenSession(c.ctx, token, c.principal, s, limit, evict); {
	case usance.KindOf(err) == usance.KindConflict:
		return nil, refuse(tooManySessions, "the user has %d live sessions, the most there may be", limit)
	case usance.KindOf(err) == usance.KindUnauthorized:
		return nil, refuse(wrongCredentials, "wrong name or password")
	case err != nil:
		return nil, err
	}
	c.session = &s
	return c.sessionReply(v, token, s)
}

// sessionReply writes a SessionInventory.
func (c *call) sessionReply(v *view, token string, s registry.Session) ([]byte, error) {
	account := c.ownAccount(v).uuid
	user := userUUID(s.Tenant, s.User)
	if s.Data["userType"] == ofAccount {
		user = account
	}
	return reply(map[string]any{
		"inventory": map[string]any{
			"uuid": token, "accountUuid": account, "userUuid": user, "userType": s.Data["userType"],
			"createDate": c.f.date(s.Created), "expiredDate": c.f.date(s.Expires), "noSessionEvaluation": false,
		},
		"schema": map[string]string{"inventory": classSession},
	})
}

// ownAccount returns the account the caller acts for: that of the project its
// session is bound to, or of the node at the top of what it may see, or one that
// stands for the user.
func (c *call) ownAccount(v *view) *place {
	if c.session != nil {
		if a := v.byAccount[c.session.Data["account"]]; a != nil {
			return a
		}
	}
	if a := v.accountAt[c.principal.Subtree]; a != nil {
		return a
	}
	return &place{path: c.principal.Subtree, uuid: userUUID(c.principal.Tenant, c.principal.User), name: c.principal.User}
}

// logOut is LogOut. Ending a session that does not exist succeeds too.
func logOut(c *call) ([]byte, error) {
	if _, err := c.f.reg.CloseSession(c.ctx, sessionKind, c.vars["sessionUuid"]); err != nil {
		return nil, err
	}
	return []byte("{}"), nil
}

// validateSession is ValidateSession. Asking does not lengthen the session.
func validateSession(c *call) ([]byte, error) {
	_, _, err := c.f.reg.PeekSession(c.ctx, sessionKind, c.vars["sessionUuid"])
	if err != nil && usance.KindOf(err) != usance.KindUnauthorized {
		return nil, err
	}
	return reply(map[string]any{"valid": err == nil})
}

// The bounds of RenewSession's duration, in seconds.
const minRenewal, maxRenewal = 60, 31536000

// renewSession is RenewSession: a session of the caller's own lives for the
// duration from now.
func renewSession(c *call) ([]byte, error) {
	seconds, ok, err := c.whole("duration")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing("duration")
	}
	if seconds < minRenewal || seconds > maxRenewal {
		return nil, refuse(invalidArgument, "duration must be between %d and %d seconds", minRenewal, maxRenewal)
	}
	token := c.vars["sessionUuid"]
	_, p, err := c.f.reg.PeekSession(c.ctx, sessionKind, token)
	if err != nil {
		return nil, err
	}
	if p.Tenant != c.principal.Tenant || p.User != c.principal.User {
		return nil, refuse(sessionInvalid, "Session expired")
	}
	v, err := c.definitions()
	if err != nil {
		return nil, err
	}
	s, err := c.f.reg.RenewSession(c.ctx, sessionKind, token, c.f.o.Now().Add(time.Duration(seconds)*time.Second))
	if err != nil {
		return nil, err
	}
	c.session = &s
	return c.sessionReply(v, token, s)
}

// loginProcedures is GetLoginProcedures: nothing is asked beside the password.
func loginProcedures(*call) ([]byte, error) {
	return reply(map[string]any{"procedures": []any{}, "schema": map[string]string{}})
}
