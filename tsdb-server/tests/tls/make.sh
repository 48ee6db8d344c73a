#!/bin/sh
# Makes the certificates of the tests anew: an authority, two servers, two clients. Valid for 100 years.
set -e
cd "$(dirname "$0")"
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -sha256 \
        -keyout "$1.key" -out "$1.crt" -subj "/CN=$1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}
signed() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$2" "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 36500 -sha256 -extfile "$1.ext" -out "$1.crt"
    rm "$1.csr" "$1.ext"
}
authority ca
signed server DNS:localhost,IP:127.0.0.1 serverAuth
signed server2 DNS:localhost,IP:127.0.0.1 serverAuth
signed client DNS:client.example,URI:spiffe://example/client clientAuth
signed stranger DNS:stranger.example clientAuth
rm -f ca.key ca.srl
