package wire

// TypeTar is the media type of a backup.
const TypeTar = "application/x-tar"

// BackupRequest says what whoever asks for a backup has already.
type BackupRequest struct {
	Have []string `json:"have,omitempty"` // SHA-256 of files, in hexadecimal digits
}
