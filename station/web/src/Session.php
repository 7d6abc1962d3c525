<?php

declare(strict_types=1);

namespace Station;

/**
 * The browser's session: the token that its forms carry, and whether the password was given.
 *
 * It is written at the first visit and at login alone; else it is read and let go at once, so that no request of a
 * browser waits for another one. Cookie and strictness are set in php-fpm's pool.
 */
final class Session
{
    public readonly string $token;
    private readonly bool $isKnown;
    /** The password's hash, which the pool's STATION_PASSWORD_FILE holds; '' where the station has none. */
    private readonly string $hash;

    public function __construct()
    {
        $file = getenv('STATION_PASSWORD_FILE');
        $this->hash = $file && is_file($file) ? trim(file_get_contents($file)) : '';
        session_start(['read_and_close' => isset($_COOKIE[session_name()])]);
        if (!isset($_SESSION['token'])) {
            $this->change(['token' => bin2hex(random_bytes(16))]);
        }
        $this->token = $_SESSION['token'];
        $this->isKnown = ($_SESSION['password'] ?? '') === $this->hash || $this->hash === '';
    }

    /** Whether a form is one of this session's. */
    public function sent(mixed $token): bool
    {
        return is_string($token) && hash_equals($this->token, $token);
    }

    /** Whether this browser may see the station. */
    public function isKnown(): bool
    {
        return $this->isKnown;
    }

    public function hasPassword(): bool
    {
        return $this->hash !== '';
    }

    public function login(string $password): bool
    {
        if (!password_verify($password, $this->hash)) {
            return false;
        }
        // Under a new name: whoever knew the old one knows nothing of this.
        $this->change(['token' => bin2hex(random_bytes(16)), 'password' => $this->hash]);
        return true;
    }

    public function logout(): void
    {
        $this->change(['token' => bin2hex(random_bytes(16))]);
    }

    /** @param array<string, string> $values all that the session is to hold */
    private function change(array $values): void
    {
        if (session_status() !== PHP_SESSION_ACTIVE) {
            session_start();
        }
        session_regenerate_id(delete_old_session: true);
        $_SESSION = $values;
        session_write_close();
    }
}
