// Package doctor holds the test that `nubo doctor` and the cloud itself judge a host alike.
package doctor
