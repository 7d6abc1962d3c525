<?php

declare(strict_types=1);

namespace Pegel;

/**
 * A failure with a board. The code is the status of the C ABI, the same number in every language.
 */
class Exception extends \RuntimeException
{
    /** The status. */
    public const CODE = 0;

    private const CLASSES = [
        InvalidArgument::CODE => InvalidArgument::class,
        InvalidFields::CODE => InvalidFields::class,
        TooLarge::CODE => TooLarge::class,
        NotFound::CODE => NotFound::class,
        Locked::CODE => Locked::class,
        Unpublished::CODE => Unpublished::class,
        Overwritten::CODE => Overwritten::class,
        Timeout::CODE => Timeout::class,
        Busy::CODE => Busy::class,
        Gone::CODE => Gone::class,
        Conflict::CODE => Conflict::class,
        Full::CODE => Full::class,
        Corrupt::CODE => Corrupt::class,
        Unsupported::CODE => Unsupported::class,
        Untrusted::CODE => Untrusted::class,
        Denied::CODE => Denied::class,
        System::CODE => System::class,
        NoSpace::CODE => NoSpace::class,
        Panic::CODE => Panic::class,
    ];

    final public function __construct(string $message, ?\Throwable $previous = null)
    {
        parent::__construct($message, static::CODE, $previous);
    }

    /**
     * The exception of a status. A library that is newer than this package may have more statuses.
     *
     * @internal
     */
    public static function of(int $status, string $message): self
    {
        $class = self::CLASSES[$status] ?? System::class;
        return new $class($message);
    }
}
