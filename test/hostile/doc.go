// Package hostile holds the test that uploads images made to harm a host.
package hostile
