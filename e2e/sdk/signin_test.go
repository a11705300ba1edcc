package sdk_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer/algorithm"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	rtc "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v1"
	rtcmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v1/model"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	iammodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"
	studio "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/metastudio/v1"
)

func TestAnAccessKeyWithItsProject(t *testing.T) {
	c := credentials(t, "AKACME", "SKACME", project)
	seesUsage(t, rtcClient(t, c))
	seesResources(t, studioClient(t, c))
}

func TestTheProjectIsLookedUpByTheRegion(t *testing.T) {
	c, err := basic.NewCredentialsBuilder().WithAk("AKACME").WithSk("SKACME").WithIamEndpointOverride(base).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	var w watch
	built, err := rtc.CloudRTCClientBuilder().WithRegion(here()).WithCredential(c).WithHttpConfig(w.config("X-Project-Id")).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	if c.ProjectId != project {
		t.Errorf("project %q", c.ProjectId)
	}
	seesUsage(t, rtc.NewCloudRTCClient(built))
	want := []string{"GET /v3/projects ", "GET /v1/" + project + "/rtc/history/usage " + project}
	if got := w.all(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
	again, err := basic.NewCredentialsBuilder().WithAk("AKACMETWO").WithSk("SKACMETWO").WithIamEndpointOverride(base).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	other, err := studio.MetaStudioClientBuilder().WithRegion(here()).WithCredential(again).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	seesResources(t, studio.NewMetaStudioClient(other))
}

func TestALookUpThatFailsSaysWhy(t *testing.T) {
	for _, c := range []struct{ ak, sk, want string }{
		{"AKCROWD", "SKCROWD", "confirm that the project exists"}, // its project bears no region's name
		{"AKNOBODY", "SKNOBODY", "ak AKNOBODY not exist"},
		{"AKOTHER", "wrong", "verify aksk signature fail"},
	} {
		given, err := basic.NewCredentialsBuilder().WithAk(c.ak).WithSk(c.sk).WithIamEndpointOverride(base).SafeBuild()
		if err != nil {
			t.Fatal(err)
		}
		_, err = rtc.CloudRTCClientBuilder().WithRegion(here()).WithCredential(given).SafeBuild()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "X-IAM-Trace-Id=") {
			t.Errorf("%s: %v", c.ak, err)
		}
	}
}

func TestTheAccountIsLookedUpForGlobalCredentials(t *testing.T) {
	c, err := global.NewCredentialsBuilder().WithAk("AKACME").WithSk("SKACME").WithIamEndpointOverride(base).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	var w watch
	built, err := iam.IamClientBuilder().WithRegion(here()).WithCredential(c).WithHttpConfig(w.config("X-Domain-Id")).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	domains, err := iam.NewIamClient(built).KeystoneListAuthDomains(&iammodel.KeystoneListAuthDomainsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	list := deref(domains.Domains)
	if len(list) != 1 || list[0].Name != "acme-account" || list[0].Id != c.DomainId || !hex32.MatchString(c.DomainId) {
		t.Errorf("%v, looked up %q", list, c.DomainId)
	}
	if got := w.all(); len(got) != 2 || got[0] != "GET /v3/auth/domains " || got[1] != "GET /v3/auth/domains "+c.DomainId {
		t.Errorf("%q", got)
	}
}

// token gets a token through the SDK.
func token(t *testing.T, user, secret string, scope *iammodel.AuthScope) (*iammodel.KeystoneCreateUserTokenByPasswordResponse, error) {
	t.Helper()
	c := iamClient(t, iam.NewIamCredentialsBuilder().Build())
	return c.KeystoneCreateUserTokenByPassword(&iammodel.KeystoneCreateUserTokenByPasswordRequest{
		Body: &iammodel.KeystoneCreateUserTokenByPasswordRequestBody{Auth: &iammodel.PwdAuth{
			Identity: &iammodel.PwdIdentity{Methods: []iammodel.PwdIdentityMethods{iammodel.GetPwdIdentityMethodsEnum().PASSWORD},
				Password: &iammodel.PwdPassword{User: &iammodel.PwdPasswordUser{Name: user, Password: secret,
					Domain: &iammodel.PwdPasswordUserDomain{Name: "acme-account"}}}},
			Scope: scope,
		}}})
}

func inProject() *iammodel.AuthScope {
	name := region
	return &iammodel.AuthScope{Project: &iammodel.AuthScopeProject{Name: &name}}
}

func TestAPasswordBuysATokenAndATokenATemporaryKey(t *testing.T) {
	got, err := token(t, "ops", password, inProject())
	if err != nil {
		t.Fatal(err)
	}
	text := deref(got.XSubjectToken)
	if got.HttpStatusCode != http.StatusCreated || text == "" || got.Token.Project.Id != project || got.Token.User.Name != "ops" ||
		got.Token.User.Domain.Name != "acme-account" || len(got.Token.Roles) != 1 {
		t.Fatalf("%v", got)
	}
	issued, err1 := time.Parse(time.RFC3339Nano, got.Token.IssuedAt)
	expires, err2 := time.Parse(time.RFC3339Nano, got.Token.ExpiresAt)
	if err1 != nil || err2 != nil || expires.Sub(issued) != 24*time.Hour {
		t.Errorf("from %q to %q", got.Token.IssuedAt, got.Token.ExpiresAt)
	}
	c := iamClient(t, iam.NewIamCredentialsBuilder().WithXAuthToken(text).Build())
	valid, err := c.KeystoneValidateToken(&iammodel.KeystoneValidateTokenRequest{XSubjectToken: text})
	if err != nil || valid.Token.Project.Id != project || deref(valid.XSubjectToken) != text {
		t.Errorf("%v %v", valid, err)
	}
	projects, err := c.KeystoneListProjects(&iammodel.KeystoneListProjectsRequest{})
	if err != nil || len(deref(projects.Projects)) != 1 || deref(projects.Projects)[0].Name != region || !deref(projects.Projects)[0].Enabled {
		t.Errorf("%v %v", projects, err)
	}
	reachable, err := c.KeystoneListAuthProjects(&iammodel.KeystoneListAuthProjectsRequest{})
	if err != nil || len(deref(reachable.Projects)) != 1 || deref(reachable.Projects)[0].Id != project {
		t.Errorf("%v %v", reachable, err)
	}
	seconds := int32(21600)
	temporary, err := c.CreateTemporaryAccessKeyByToken(&iammodel.CreateTemporaryAccessKeyByTokenRequest{
		Body: &iammodel.CreateTemporaryAccessKeyByTokenRequestBody{Auth: &iammodel.TokenAuth{Identity: &iammodel.TokenAuthIdentity{
			Methods: []iammodel.TokenAuthIdentityMethods{iammodel.GetTokenAuthIdentityMethodsEnum().TOKEN},
			Token:   &iammodel.IdentityToken{Id: &text, DurationSeconds: &seconds}}}}})
	if err != nil {
		t.Fatal(err)
	}
	key := temporary.Credential
	if until, err := time.Parse("2006-01-02T15:04:05Z", key.ExpiresAt); err != nil || until.Sub(issued) > 6*time.Hour+time.Minute || until.Sub(issued) < 6*time.Hour-time.Minute {
		t.Errorf("until %q: %v", key.ExpiresAt, err)
	}
	signed, err := basic.NewCredentialsBuilder().WithAk(key.Access).WithSk(key.Secret).WithSecurityToken(key.Securitytoken).WithProjectId(project).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	seesUsage(t, rtcClient(t, signed))
	seesResources(t, studioClient(t, signed))
	without := credentials(t, key.Access, key.Secret, project)
	_, err = rtcClient(t, without).ListRtcHistoryUsage(asked())
	refused(t, err, 401, "APIGW.0301", "Incorrect IAM authentication information: ak "+key.Access+" not exist")
}

func TestATokenInAHeaderComesBeforeTheSignature(t *testing.T) {
	got, err := token(t, "ops", password, inProject())
	if err != nil {
		t.Fatal(err)
	}
	call := rtcClient(t, credentials(t, "AKNOBODY", "x", project)).ListRtcHistoryUsageInvoker(asked())
	call.AddHeaders(map[string]string{"X-Auth-Token": deref(got.XSubjectToken)})
	answer, err := call.Invoke()
	if err != nil {
		t.Fatal(err)
	}
	rightUsage(t, answer)
	account, err := token(t, "ops", password, nil)
	if err != nil || account.Token.Domain == nil || account.Token.Domain.Name != "acme-account" {
		t.Fatal(account, err)
	}
	call = rtcClient(t, credentials(t, "AKNOBODY", "x", project)).ListRtcHistoryUsageInvoker(asked())
	call.AddHeaders(map[string]string{"X-Auth-Token": deref(account.XSubjectToken)})
	_, err = call.Invoke()
	refused(t, err, 403, "APIGW.0302", "The IAM user is not authorized")
}

func TestEverySigningAlgorithmOfTheSDK(t *testing.T) {
	for chosen, scheme := range map[algorithm.SigningAlgorithm]string{
		algorithm.HmacSHA256: "SDK-HMAC-SHA256", algorithm.HmacSM3: "SDK-HMAC-SM3",
		algorithm.EcdsaP256SHA256: "SDK-ECDSA-P256-SHA256", algorithm.SM2SM3: "SDK-SM2-SM3",
	} {
		t.Run(scheme, func(t *testing.T) {
			var w watch
			built, err := rtc.CloudRTCClientBuilder().WithEndpoint(base).WithCredential(credentials(t, "AKACME", "SKACME", project)).
				WithHttpConfig(w.config("Authorization").WithSigningAlgorithm(chosen)).SafeBuild()
			if err != nil {
				t.Fatal(err)
			}
			seesUsage(t, rtc.NewCloudRTCClient(built))
			if got := w.all(); len(got) != 1 || !strings.Contains(got[0], " "+scheme+" Access=AKACME,") {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestDerivedSignatures(t *testing.T) {
	c, err := basic.NewCredentialsBuilder().WithAk("AKACME").WithSk("SKACME").WithProjectId(project).
		WithDerivedPredicate(auth.GetDefaultDerivedPredicate()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	var w watch
	built, err := rtc.CloudRTCClientBuilder().WithRegion(here()).WithDerivedAuthServiceName("cloudrtc").WithCredential(c).
		WithHttpConfig(w.config("Authorization")).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	seesUsage(t, rtc.NewCloudRTCClient(built))
	if got := w.all(); len(got) != 1 || !strings.Contains(got[0], " V11-HMAC-SHA256 Credential=AKACME/") || !strings.Contains(got[0], "/"+region+"/cloudrtc,") {
		t.Errorf("%q", got)
	}
}

func TestWrongPasswordsAreToldInKeystonesForm(t *testing.T) {
	_, err := token(t, "feed", "wrong", nil)
	refused(t, err, 401, "", `{"error":{"code":401,"message":"The username or password is wrong."`)
	nowhere := "nowhere"
	_, err = token(t, "ops", password, &iammodel.AuthScope{Project: &iammodel.AuthScopeProject{Name: &nowhere}})
	refused(t, err, 404, "", `{"error":{"code":404,`)
}

func TestFiveWrongSignaturesLockAKey(t *testing.T) {
	wrong, right := rtcClient(t, credentials(t, "AKLOCKED", "wrong", foreign)), rtcClient(t, credentials(t, "AKLOCKED", "SKLOCKED", foreign))
	ask := &rtcmodel.ListRtcHistoryUsageRequest{App: "x", Metric: "CommunicationDuration"}
	for range 5 {
		_, err := wrong.ListRtcHistoryUsage(ask)
		refused(t, err, 401, "APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/v1/"+foreign+
			"/rtc/history/usage/|app=x&end_date=&metric=CommunicationDuration&start_date=|user-agent:")
	}
	_, err := right.ListRtcHistoryUsage(ask)
	refused(t, err, 401, "APIGW.0301", "Incorrect IAM authentication information: AK access failed to reach the limit,forbidden.")
}

// TestClocksThatAreFarOffAreRefused signs with a date of the caller's own, which
// the SDK lets its users set.
func TestClocksThatAreFarOffAreRefused(t *testing.T) {
	for _, off := range []time.Duration{-16 * time.Minute, 16 * time.Minute} {
		call := rtcClient(t, credentials(t, "AKACME", "SKACME", project)).ListRtcHistoryUsageInvoker(asked())
		call.AddHeaders(map[string]string{"X-Sdk-Date": time.Now().UTC().Add(off).Format("20060102T150405Z")})
		_, err := call.Invoke()
		refused(t, err, 401, "APIGW.0301", "Incorrect IAM authentication information: calc ak sk signature fail:signature expired")
	}
	built, err := rtc.CloudRTCClientBuilder().WithEndpoint(base).WithHttpConfig(config.DefaultHttpConfig()).
		WithCredential(credentials(t, "AKACME", "SKACME", project)).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	seesUsage(t, rtc.NewCloudRTCClient(built))
}
