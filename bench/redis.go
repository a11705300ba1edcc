package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// redisServer is a Redis of our own, thrown away at the end.
type redisServer struct {
	cmd  *exec.Cmd
	addr string
}

// startRedis starts the redis-server on the path, or the one that REDIS_SERVER
// names, with every write on the disk before its answer. The error is errAbsent
// where there is none.
func startRedis(base string) (*redisServer, error) {
	name := os.Getenv("REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w: redis-server is not installed", errAbsent)
	}
	dir := filepath.Join(base, "redis")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := sparePort()
	if err != nil {
		return nil, err
	}
	s := &redisServer{addr: "127.0.0.1:" + strconv.Itoa(port)}
	s.cmd = exec.CommandContext(background(), path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--appendonly", "yes", "--appendfsync", "always",
		"--save", "", "--loglevel", "warning", "--auto-aof-rewrite-percentage", "0")
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		c, err := dialRedis(s.addr)
		if err == nil {
			if _, err = c.call("PING"); err == nil {
				return s, c.net.Close()
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("redis-server did not start")
}

// startRedis returns the Redis of this run, or errAbsent.
func (b *bench) startRedis() (*redisServer, error) {
	if b.redis != nil {
		return b.redis, nil
	}
	var err error
	b.redis, err = startRedis(b.base)
	return b.redis, err
}

func (s *redisServer) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

// redisConn speaks as much of RESP as one script needs.
type redisConn struct {
	net net.Conn
	in  *bufio.Reader
	out []byte
}

func dialRedis(addr string) (*redisConn, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	return &redisConn{net: c, in: bufio.NewReader(c)}, nil
}

// call sends a command and returns a simple answer: a status, a number or a text.
func (c *redisConn) call(args ...string) (string, error) {
	b := append(c.out[:0], '*')
	b = append(strconv.AppendInt(b, int64(len(args)), 10), '\r', '\n')
	for _, a := range args {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(a)), 10), '\r', '\n')
		b = append(append(b, a...), '\r', '\n')
	}
	c.out = b
	if _, err := c.net.Write(b); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '+', ':':
		return line[1:], nil
	case '-':
		return "", errors.New(line[1:])
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(c.in, text)
		return string(text[:n]), err
	}
	return "", fmt.Errorf("redis answered %q", line)
}

// redisCharge charges every node on the path or none, once for one id.
const redisCharge = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 2 end
local amount = tonumber(ARGV[1])
for i = 2, #KEYS do
  local used = tonumber(redis.call('HGET', KEYS[i], 'used') or '0')
  if used + amount > tonumber(redis.call('HGET', KEYS[i], 'limit')) then return 0 end
end
for i = 2, #KEYS do redis.call('HINCRBY', KEYS[i], 'used', amount) end
redis.call('SET', KEYS[1], amount)
return 1`
